"""What `langgraph dev` does with versions: history, forks, time travel, copies, runs at once, questions, restarts."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError

from tests.langgraph_dev import OURS, LanggraphDev

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

GRAPH = """
import asyncio
import operator
from typing import Annotated

from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict


class Steps(TypedDict, total=False):
    words: Annotated[list[str], operator.add]
    sleep: float
    ask: bool


async def first(state: Steps) -> Steps:
    return {"words": ["first"]}


async def second(state: Steps) -> Steps:
    await asyncio.sleep(state.get("sleep") or 0)
    return {"words": [interrupt("which?") if state.get("ask") else "second"]}


builder = StateGraph(Steps)
builder.add_node(first)
builder.add_node(second)
builder.add_edge(START, "first")
builder.add_edge("first", "second")
graph = builder.compile()
"""
LONG, SHORT = {"sleep": 100.0}, {"sleep": 0.0}


@pytest.fixture(scope="module")
def server(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanggraphDev]:
    folder = tmp_path_factory.mktemp("versions")
    served = LanggraphDev(folder, TWINTRACK_REDIS__URL=redis_url)
    served.serve("steps", GRAPH, **OURS)
    served.start()
    yield served
    served.stop()


@pytest.fixture
async def client(server: LanggraphDev) -> AsyncIterator[LangGraphClient]:
    async with get_client(url=server.url) as client:
        yield client


@pytest.fixture
async def thread(client: LangGraphClient) -> str:
    return str((await client.threads.create(graph_id="steps"))["thread_id"])


async def run(client: LangGraphClient, thread: str, *words: str, **more: Any) -> list[str]:
    given = {"input": {"words": [*words]}} if words else {"input": None}
    state: Any = await client.runs.wait(thread, "steps", **{**given, **more})
    assert "__error__" not in state, state
    return list(state["words"])


async def words_of(client: LangGraphClient, thread: str) -> list[str]:
    values: Any = (await client.threads.get_state(thread))["values"]
    return list(values["words"])


async def start(client: LangGraphClient, thread: str, word: str, settings: dict[str, Any], **more: Any) -> str:
    given: Any = {"words": [word], **settings}
    return str((await client.runs.create(thread, "steps", input=given, **more))["run_id"])


async def until_first_step(client: LangGraphClient, thread: str, word: str) -> None:
    """Wait until the run that was given `word` has taken its first step."""
    for _ in range(1200):
        values: Any = (await client.threads.get_state(thread))["values"]
        if values and values.get("words", [])[-2:] == [word, "first"]:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the run does not begin")


def ids(history: list[Any]) -> list[str]:
    return [state["checkpoint"]["checkpoint_id"] for state in history]


async def test_the_history_holds_every_step_and_is_cut_as_asked(
    client: LangGraphClient, server: LanggraphDev, thread: str
) -> None:
    for n in range(3):
        await run(client, thread, f"in{n}")
    every = await client.threads.get_history(thread, limit=50)

    assert len(every) == 12
    assert ids(every) == sorted(ids(every), reverse=True)
    assert ids(await client.threads.get_history(thread, limit=5)) == ids(every)[:5]
    inputs = await client.threads.get_history(thread, limit=50, metadata={"source": "input"})
    assert [state["next"] for state in inputs] == [["__start__"]] * 3
    assert len(await client.threads.get_history(thread, limit=50, metadata={"graph_id": "steps"})) == 12
    at = f"{server.url}/threads/{thread}/history"
    cursor = ids(every)[5]
    async with httpx.AsyncClient() as http:
        got = (await http.get(at, params={"before": cursor, "limit": 50})).json()
        where = {"configurable": {"thread_id": thread, "checkpoint_id": cursor}}
        posted = (await http.post(at, json={"before": where, "limit": 50})).json()
        last = (await http.post(at, json={"before": where, "limit": 1})).json()
    assert ids(got) == ids(posted) == ids(every)[6:]
    assert ids(last) == ids(every)[6:7]
    bare = await client.threads.get_history(thread, limit=50, before=every[5]["checkpoint"])
    assert ids(bare) == ids(every)[6:]


async def test_a_fork_goes_on_from_the_state_it_was_given(client: LangGraphClient, thread: str) -> None:
    await run(client, thread, "in")
    await run(client, thread, "more")
    history = await client.threads.get_history(thread, limit=50)
    old = next(state for state in reversed(history) if state["next"] == ["second"])

    await client.threads.update_state(thread, {"words": ["forked"]}, checkpoint=old["checkpoint"], as_node="first")
    assert await words_of(client, thread) == ["in", "first", "forked"]
    assert await run(client, thread) == ["in", "first", "forked", "second"]
    assert len(await client.threads.get_history(thread, limit=50)) == len(history) + 2


async def test_a_run_goes_on_from_an_old_version(client: LangGraphClient, thread: str) -> None:
    await run(client, thread, "in")
    await run(client, thread, "more")
    history = await client.threads.get_history(thread, limit=50)
    old = next(state for state in reversed(history) if state["next"] == ["second"])

    at: Any = {"checkpoint_id": old["checkpoint"]["checkpoint_id"]}
    assert await run(client, thread, **at) == ["in", "first", "second"]
    assert await words_of(client, thread) == ["in", "first", "second"]
    state: Any = await client.threads.get_state(thread, checkpoint_id=ids(history)[0])
    assert state["values"]["words"] == ["in", "first", "second", "more", "first", "second"]


async def test_new_input_goes_on_from_an_old_version_where_that_is_meant(client: LangGraphClient, thread: str) -> None:
    await run(client, thread, "in")
    end = ids(await client.threads.get_history(thread, limit=1))[0]
    await run(client, thread, "more")
    before = ids(await client.threads.get_history(thread))

    given: Any = {"words": ["other"]}
    refused: Any = await client.runs.wait(thread, "steps", input=given, checkpoint_id=end, raise_error=False)
    assert refused["__error__"]["error"] == "Conflict"
    assert ids(await client.threads.get_history(thread)) == before
    config: Any = {"configurable": {"checkpoint_id": end, "allow_fork": True}}
    forked = await run(client, thread, "other", config=config)
    assert forked == ["in", "first", "second", "other", "first", "second"]


async def test_a_copy_has_the_whole_history_and_goes_its_own_way(
    client: LangGraphClient, server: LanggraphDev, thread: str
) -> None:
    await run(client, thread, "in")
    async with httpx.AsyncClient() as http:
        copy = (await http.post(f"{server.url}/threads/{thread}/copy")).json()["thread_id"]

    assert ids(await client.threads.get_history(copy)) == ids(await client.threads.get_history(thread))
    assert await run(client, copy, "more") == ["in", "first", "second", "more", "first", "second"]
    assert await words_of(client, thread) == ["in", "first", "second"]


async def test_a_second_run_is_refused(client: LangGraphClient, thread: str) -> None:
    running = await start(client, thread, "long", LONG)
    with pytest.raises(ConflictError):
        await start(client, thread, "short", SHORT, multitask_strategy="reject")
    await client.runs.cancel(thread, running, wait=True)


async def test_a_second_run_waits_for_the_first(client: LangGraphClient, thread: str) -> None:
    first = await start(client, thread, "long", {"sleep": 0.5})
    second = await start(client, thread, "short", SHORT, multitask_strategy="enqueue")
    await client.runs.join(thread, first)
    await client.runs.join(thread, second)

    assert await words_of(client, thread) == ["long", "first", "second", "short", "first", "second"]


async def test_a_second_run_interrupts_the_first_and_keeps_what_it_did(client: LangGraphClient, thread: str) -> None:
    first = await start(client, thread, "long", LONG)
    await until_first_step(client, thread, "long")
    second = await start(client, thread, "short", SHORT, multitask_strategy="interrupt")
    await client.runs.join(thread, second)

    assert await words_of(client, thread) == ["long", "first", "short", "first", "second"]
    assert (await client.runs.get(thread, first))["status"] == "interrupted"


async def test_a_second_run_rolls_the_first_back_and_the_server_goes_on(client: LangGraphClient, thread: str) -> None:
    await run(client, thread, "before")
    first = await start(client, thread, "long", LONG)
    await until_first_step(client, thread, "long")
    second = await start(client, thread, "short", SHORT, multitask_strategy="rollback")
    await client.runs.join(thread, second)

    assert await words_of(client, thread) == ["before", "first", "second", "short", "first", "second"]
    assert first not in [each["run_id"] for each in await client.runs.list(thread)]
    assert not [
        state
        for state in await client.threads.get_history(thread, limit=50)
        if "long" in (state["values"] or {}).get("words", [])  # type: ignore[union-attr] # values are a dict here
    ]
    other = str((await client.threads.create())["thread_id"])
    assert await run(client, other, "in") == ["in", "first", "second"]


async def test_a_question_is_answered_after_a_restart_also_without_the_runtimes_files(
    client: LangGraphClient, server: LanggraphDev, thread: str
) -> None:
    asked: Any = {"words": ["in"], "ask": True}
    state: Any = await client.runs.wait(thread, "steps", input=asked)
    assert state["__interrupt__"][0]["value"] == "which?"

    server.stop()
    shutil.rmtree(server.runtime_files)
    server.start()
    await client.threads.create(thread_id=thread, if_exists="do_nothing", graph_id="steps")
    answered: Any = await client.runs.wait(thread, "steps", command={"resume": "this"})
    assert answered["words"] == ["in", "first", "this"]
    before = ids(await client.threads.get_history(thread, limit=50))

    server.stop()
    server.start()
    assert ids(await client.threads.get_history(thread, limit=50)) == before
    asked = {"words": ["more"], "ask": False}
    assert await run(client, thread, input=asked) == ["in", "first", "this", "more", "first", "second"]
