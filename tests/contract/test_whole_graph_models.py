"""The whole graph with a real OpenAI client, against a server that says what each role's model is told to say."""

import json
import re
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk

from tests.contract.conftest import WHO, Opener
from tests.stubbed_models import COMPLEX, ROLES, SIMPLE, Part, Request, in_turn, stubbed
from twintrack.app.answer import Answer
from twintrack.app.assemble import App, open_app
from twintrack.app.testing import Reply, fails, garbage, hangs, rate_limited, says
from twintrack.core.errors import ModelUnavailable
from twintrack.core.settings import Settings


async def ask(app: App, question: str, thread: str | None = None, **choices: Any) -> Answer:
    return await app.ask(question, thread_id=thread, user_id=WHO.user_id, **choices)


async def resolved(app: App, answer: Answer) -> list[str]:
    """Return the quotes, each read again from its passage; every mark of the text has one."""
    assert {int(mark) for mark in re.findall(r"\[(\d+)\]", answer.text)} == {one.marker for one in answer.citations}
    quotes = []
    for cited in answer.citations:
        passage = await app.corpus.passage(cited.passage_id, identity=WHO)
        assert passage is not None
        quotes.append(passage["text"][cited.start - passage["start"] : cited.end - passage["start"]])
        assert quotes[-1] == cited.quote
    return quotes


async def test_only_what_the_model_cites_is_kept(opener: Opener) -> None:
    text = "The lighthouse is 41 metres tall. [1] It is very pretty. The moon is near. [77] It is tall.[1][99]"
    async with stubbed(opener, answerer=lambda _: says(text)) as (app, _):
        answer = await ask(app, SIMPLE)
        assert (answer.status, answer.route, answer.degraded) == ("answered", "direct", False)
        assert "41 metres" in answer.text
        assert not re.search(r"pretty|moon|77|99", answer.text)
        assert "41 metres" in (await resolved(app, answer))[0]
        assert answer.usage.model_calls == 1
        assert answer.usage.output_tokens > 0


@pytest.mark.parametrize("text", ["NO ANSWER", "The lighthouse is tall.", "It is tall. [42]", " "])
async def test_an_answer_without_one_good_citation_is_none(opener: Opener, text: str) -> None:
    async with stubbed(opener, answerer=lambda _: says(text), agent=lambda _: says("I found nothing.")) as (app, _):
        answer = await ask(app, SIMPLE)
    assert answer.status == "abstained"
    assert not answer.citations
    assert answer.reason


async def test_the_team_plans_acts_in_parallel_and_cites(opener: Opener) -> None:
    async with stubbed(opener) as (app, stub):
        answer = await ask(app, COMPLEX)
        assert (answer.status, answer.route, answer.degraded) == ("answered", "team", False)
        assert [(step.agent, step.status) for step in answer.steps] == [("researcher", "done"), ("calculator", "done")]
        assert answer.text.startswith("In short")
        assert "very old" not in json.dumps([request["messages"] for request in stub.asked("answerer")])
        assert "Greta Holm" in (await resolved(app, answer))[0]
    assert len(stub.asked("planner")) == 1
    assert len(stub.asked("agent")) == 4
    assert answer.usage.tool_calls == 4
    assert answer.usage.model_calls == 6


async def test_a_composition_that_loses_a_citation_gives_way_to_the_findings(opener: Opener) -> None:
    async with stubbed(opener, answerer=lambda _: says("Greta Holm, and 391.")) as (app, _):
        answer = await ask(app, COMPLEX)
        assert answer.status == "answered"
        assert "Greta Holm" in (await resolved(app, answer))[0]
    assert "17 * 23 = 391" in answer.text


@pytest.mark.parametrize(("complex_", "route"), [(True, "team"), (False, "direct")])
async def test_inside_the_margin_the_small_model_chooses_the_track(opener: Opener, complex_: bool, route: str) -> None:
    def judge(_: Request) -> Reply:
        return says(json.dumps({"complex": complex_}))

    async with stubbed(opener, {"router": {"threshold": 0.5, "margin": 0.5}}, router=judge) as (app, stub):
        answer = await ask(app, SIMPLE)
    assert answer.route == route
    assert len(stub.asked("router")) == 1
    assert answer.status == "answered"


async def test_a_follow_up_is_rewritten_by_the_model(opener: Opener) -> None:
    def writer(request: Request) -> Reply:
        if "Last question:" in request["messages"][-1]["content"]:
            return says("How tall is the lighthouse of the harbour of Lindwick?")
        return says("It is 41 metres tall. [1]")

    async with stubbed(opener, answerer=writer) as (app, _):
        await ask(app, SIMPLE, "t")
        answer = await ask(app, "And how tall is it?", "t")
    assert "41" in answer.text


async def test_an_answer_is_heard_sentence_by_sentence_and_only_what_is_released(opener: Opener) -> None:
    said = (
        "The lighthouse is 41 metres tall. [1] The moon is made of cheese. Write to eve@example.org. [1] "
        "It stands in Lindwick. [1]"
    )
    async with stubbed(opener, answerer=lambda _: says(said)) as (app, _):
        events = [event async for event in app.stream(SIMPLE, user_id=WHO.user_id)]
    tokens = [event.token for event in events if event.kind == "token"]
    answer = events[-1].answer
    assert answer is not None
    assert len(tokens) > 1
    assert "".join(tokens) == answer.text
    usage = answer.usage
    assert usage.first_token_seconds is not None
    assert usage.last_token_seconds is not None
    assert 0 < usage.first_token_seconds <= usage.last_token_seconds <= usage.seconds
    assert "cheese" not in answer.text
    assert "eve@example.org" not in answer.text


@pytest.mark.parametrize("subgraphs", [True, False])
async def test_no_inner_call_streams_to_whoever_runs_the_plain_graph(opener: Opener, subgraphs: bool) -> None:
    settings = {"router": {"threshold": 0.5, "margin": 0.5}}
    async with stubbed(opener, settings, router=lambda _: says('{"complex": true}')) as (app, stub):
        run: Any = app.graph.astream(
            {"messages": [{"role": "user", "content": COMPLEX.split(" Also")[0]}]},
            {"configurable": {"thread_id": "t"}},
            context={"user_id": WHO.user_id},
            stream_mode="messages",
            subgraphs=subgraphs,
        )
        heard = [event[1] if subgraphs else event async for event in run]
        assert {request["model"] for request in stub.server.requests} == set(ROLES)
    assert not [message for message, _ in heard if isinstance(message, AIMessageChunk)]
    if not subgraphs:
        assert {metadata["langgraph_node"] for _, metadata in heard} == {"release"}


async def test_a_rate_limit_is_waited_out(opener: Opener) -> None:
    part = in_turn(rate_limited(0.1), says("The lighthouse is 41 metres tall. [1]"))
    async with stubbed(opener, answerer=part) as (app, stub):
        answer = await ask(app, SIMPLE)
    assert (answer.status, answer.degraded) == ("answered", False)
    assert len(stub.asked("answerer")) == 2


FAULTS = {"time-out": hangs(5), "garbage": garbage(), "error": fails(500), "not json": says("certainly!")}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("role", ROLES)
async def test_a_model_that_breaks_leaves_a_labelled_answer(opener: Opener, role: str, fault: str) -> None:
    settings = {"router": {"threshold": 0.5, "margin": 0.5}, "budgets": {"agent_seconds": 4.0}}
    parts: dict[str, Part] = {"router": lambda _: says('{"complex": true}'), role: lambda _: FAULTS[fault]}
    async with stubbed(opener, settings, seconds=0.6, **parts) as (app, stub):
        team = await ask(app, COMPLEX)
        single = await ask(app, SIMPLE) if role in ("router", "answerer") else team
        assert stub.asked(role)
        for answer in (team, single):
            assert answer.status in {"answered", "abstained"}
            assert answer.text
            await resolved(app, answer)
    if role != "router" and (role, fault) != ("answerer", "not json"):
        assert team.degraded or "Not answered" in team.text
    assert "Traceback" not in team.model_dump_json()


@pytest.mark.parametrize("fault", ["time-out", "garbage", "error"])
async def test_an_answerer_that_breaks_is_replaced_by_quotes_and_that_is_said(opener: Opener, fault: str) -> None:
    async with stubbed(opener, seconds=0.6, answerer=lambda _: FAULTS[fault]) as (app, _):
        answer = await ask(app, SIMPLE)
    assert (answer.status, answer.degraded) == ("answered", True)
    assert re.match(r"answered by quoting: .*openai:answerer", answer.reason)
    assert "41 metres" in answer.text


@pytest.mark.parametrize("allowed", [0, 1, 2, 3, 5])
async def test_a_budget_that_runs_out_half_way_still_gives_a_labelled_answer(opener: Opener, allowed: int) -> None:
    async with stubbed(opener) as (app, stub):
        answer = await ask(app, COMPLEX, max_model_calls=allowed)
        await resolved(app, answer)
    assert len(stub.server.requests) <= allowed
    assert answer.usage.model_calls <= allowed
    assert answer.status in {"answered", "abstained"}
    assert answer.degraded or answer.reason
    assert f"limit of {allowed} model calls" in answer.model_dump_json()


async def test_a_budget_of_steps_that_runs_out_gives_a_labelled_answer(opener: Opener) -> None:
    async with stubbed(opener, {"budgets": {"max_steps": 10}}) as (app, _):
        answer = await ask(app, COMPLEX)
    assert answer.status in {"answered", "abstained", "failed"}
    assert answer.text


async def test_a_missing_key_is_told_when_the_application_opens(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    given: dict[str, Any] = {"redis": {"url": redis_url}, "models": {"answerer": "openai:gpt-4.1-mini"}}
    settings = Settings(**given)
    with pytest.raises(ModelUnavailable, match=r"openai:gpt-4\.1-mini has no key"):
        async with open_app(settings):
            pytest.fail("opened without a key")
