"""What counts of an agent's words, and what of a composed answer."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from tests.unit.test_team_steps import citation, result, state, step
from twintrack.app.testing import ScriptedChatModel
from twintrack.core.passages import Citation, Passage
from twintrack.guardrails import Policy
from twintrack.nodes.claims import agree, claims, numbers, renumbered, without
from twintrack.nodes.compose import compose
from twintrack.nodes.findings import finding
from twintrack.nodes.release import release
from twintrack.nodes.state import Draft, State
from twintrack.nodes.tools import mark
from twintrack.nodes.verify import checked, verify_findings

CHEESE = "The moon is made of cheese."
PASSAGE = Passage(
    id="p", document_id="d", title="Moon", source="moon.md", text="The moon is made of rock.", start=0, score=1.0
)
ROCK = Citation(
    marker=1,
    passage_id="p",
    document_id="d",
    title="Moon",
    source="moon.md",
    start=0,
    end=25,
    quote="The moon is made of rock.",
)


def talk(said: str, *results: ToolMessage) -> list[AnyMessage]:
    return [HumanMessage("What is the moon made of?"), *results, AIMessage(said)]


def searched(*passages: Passage) -> ToolMessage:
    return ToolMessage("...", tool_call_id="1", name="search_corpus", artifact=list(passages))


def computed(text: str, status: Any = "success") -> ToolMessage:
    return ToolMessage(text, tool_call_id="1", name="calculate", status=status)


@pytest.mark.parametrize("computes", [True, False])
def test_words_that_rest_on_no_tool_are_no_finding(computes: bool) -> None:
    assert not finding("task", talk(CHEESE), computes=computes).answered


@pytest.mark.parametrize("results", [[], [searched()], [searched(PASSAGE)], [computed("391")]])
def test_no_answer_is_never_an_answer(results: list[ToolMessage]) -> None:
    found = finding("task", talk("NO ANSWER 391", *results), computes=True)
    assert (found.answered, found.text) == (False, "")


def test_a_calculation_counts_only_for_an_agent_that_computes_and_when_it_worked() -> None:
    said = "17 * 23 = 391. " + CHEESE
    good = finding("task", talk(said, computed("391")), computes=True)
    assert (good.answered, good.text) == (True, "17 * 23 = 391.")
    assert not finding("task", talk(said, computed("391")), computes=False).answered
    assert not finding("task", talk(said, computed("391", "error")), computes=True).answered
    assert not finding("task", talk(CHEESE, computed("391")), computes=True).answered


def test_of_what_was_searched_only_the_cited_counts() -> None:
    found = finding("task", talk(f"It is rock [{mark(PASSAGE)}]. {CHEESE}", searched(PASSAGE)))
    assert found.answered
    assert "cheese" not in found.text
    assert not finding("task", talk(CHEESE, searched(PASSAGE))).answered
    assert not finding("task", talk(CHEESE, searched())).answered


DONE = [
    result("a", text="It is rock. [1]", citations=[citation(1, "p")]),
    result("b", text="17 * 23 = 391"),
]


async def composed(said: str) -> str:
    update = await compose(state([], DONE), model=ScriptedChatModel(script=[said]))
    return str(update["draft"]["text"])


async def test_a_composed_sentence_without_support_is_left_out() -> None:
    said = f"It is rock [1]. {CHEESE} And 17 * 23 = 391. It weighs 12 tons."
    assert await composed(said) == "It is rock [1]. And 17 * 23 = 391."


async def test_what_one_agent_says_of_the_whole_is_not_put_into_words_again() -> None:
    model = ScriptedChatModel(script=["It is rock [1]."])
    update = await compose(state([step("a")], DONE[:1]), model=model)
    assert update["draft"]["text"] == "It is rock. [1]"
    assert not model.prompts
    assert update["effort"][0]["tokens"] == 0
    await compose(state([step("a"), step("b")], DONE[:1]), model=model)
    assert model.prompts


@pytest.mark.parametrize(
    "said", [CHEESE, "It is rock [1].", "391.", "It is rock [2]. 391.", "It is 9 rocks [1]. 391.", ""]
)
async def test_a_composition_that_loses_or_invents_something_gives_way_to_the_findings(said: str) -> None:
    assert await composed(said) == "It is rock. [1]\n17 * 23 = 391"


async def test_only_calculations_need_no_citation() -> None:
    update = await compose(state([], [DONE[1]]), model=None)
    assert update["draft"]["rests_on"] == "calculation"
    assert (await compose(state([], DONE), model=None))["draft"]["rests_on"] == "documents"


class Shelf:
    async def passage(self, passage_id: str, *, identity: Any) -> Passage | None:
        return PASSAGE if passage_id == "p" else None


class Run:
    context = None
    server_info = None


async def test_what_an_agent_made_up_falls_before_the_answer_leaves() -> None:
    forged = Citation(**{**ROCK, "marker": 2, "passage_id": "x", "quote": CHEESE})
    text = f"It is rock [1]\n{CHEESE} [2]\n2 + 2 = 4"
    draft = Draft(status="answered", text=text, citations=[ROCK, forged])
    team: Any = {"question": "q", "draft": draft}
    run: Any = Run()
    checked_draft = (await verify_findings(team, run, corpus=Shelf()))["draft"]
    assert checked_draft["text"].split() == ["It", "is", "rock", "[1]", "2", "+", "2", "=", "4"]
    assert checked_draft["citations"] == [ROCK]
    alone: Any = {"question": "q", "draft": Draft(status="answered", text=text, citations=[forged])}
    assert (await verify_findings(alone, run, corpus=Shelf()))["draft"]["status"] == "abstained"


def test_a_sentence_with_one_good_mark_stays() -> None:
    forged = Citation(**{**ROCK, "marker": 2, "passage_id": "x"})
    draft = Draft(status="answered", text="It is rock [1][2].", citations=[ROCK, forged])
    assert checked("q", draft, {"p": PASSAGE})["text"] == "It is rock [1]."


@pytest.mark.parametrize(
    ("draft", "status"),
    [
        (Draft(status="answered", text=CHEESE, citations=[]), "abstained"),
        (Draft(status="answered", text="It is rock.", citations=[ROCK]), "abstained"),
        (Draft(status="answered", text="It is rock. [1][2]", citations=[ROCK]), "abstained"),
        (Draft(status="answered", text="It is rock. [1]", citations=[ROCK]), "answered"),
        (Draft(status="answered", text="It is rock. [1]\n\nNot answered: why [9]?", citations=[ROCK]), "answered"),
        (Draft(status="answered", text="391", citations=[], rests_on="calculation"), "answered"),
        (Draft(status="answered", text="You told me: [3]", citations=[], rests_on="user"), "answered"),
    ],
)
async def test_nothing_uncited_is_released_as_an_answer(draft: Draft, status: str) -> None:
    turn = State(
        messages=[], question="What is it, and why [9]?", draft=draft, steps=[result("a") | {"task": "why [9]?"}]
    )  # type: ignore[typeddict-item]
    update = await release(turn, {}, policy=Policy([], []))
    assert update["answer"]["status"] == status
    if status == "abstained":
        assert CHEESE not in update["messages"][0].text
        assert update["answer"]["reason"]


def test_a_quotes_brackets_are_not_renumbered() -> None:
    assert renumbered("See [1] now. [1] So. [2]", {1: 3, 2: 1}, ["See [1] now."]) == "See [1] now. [3] So. [1]"


@given(st.text(alphabet="ab. \n", max_size=30), st.text(alphabet="ab. \n", max_size=30))
def test_dropping_a_mark_never_drops_what_stands_after_it(before: str, after: str) -> None:
    assert without(f"{before}[1]{after}", {1}).split()[-1:] == after.lstrip(".").split()[-1:] or not after.strip(". \n")
    assert without(f"{before}[1]{after}", set()).split() == f"{before}[1]{after}".split()


def test_marks_stay_with_the_sentence_before_them() -> None:
    assert claims("It is so. [1][2] And more. [3]") == ["It is so. [1][2]", "And more. [3]"]


def test_numbers_are_read_with_their_commas_and_rounded_ones_agree() -> None:
    assert numbers("12,500 books, 3.5 tons [7]") == {Decimal("12500"), Decimal("3.5")}
    assert agree(Decimal("0.33"), [Decimal("0.3333333")])
    assert not agree(Decimal("0.34"), [Decimal("0.3333333")])
    assert not agree(Decimal("41"), [Decimal("42")])
