"""Without a model too, the answer to a nested question is looked for where the names that were found lead."""

from typing import Any

import pytest
from langchain_core.tools import BaseTool, StructuredTool

from tests.unit.test_extract import passage
from twintrack.app.assemble import make_parts
from twintrack.core.errors import BudgetExceeded, TwintrackError
from twintrack.core.passages import Passage
from twintrack.core.settings import Settings
from twintrack.graphs.agents import TOOLS
from twintrack.guardrails.gated_tool import GatedTool
from twintrack.guardrails.tools import ToolPolicy
from twintrack.nodes.research import Researcher
from twintrack.nodes.state import NOTHING_RECALLED, Assignment, Step
from twintrack.nodes.work import Finding

BOOK = "Silent Harbour is a book about herring boats. The author of Silent Harbour is Otto Brandt."
BIRTH = "Otto Brandt was born in Marrow Bay. He had four sisters."
NESTED = "Where was the author of Silent Harbour born?"


class Library:
    """Gives one text first, and another to who asks with a name."""

    def __init__(self, first: str, name: str, further: str | TwintrackError, beside: str = "") -> None:
        self.asked: list[str] = []
        self._first, self._name, self._further = first, name, further
        self._beside = [passage(beside, document="letter")] if beside else []

    async def search(self, query: str) -> tuple[str, list[Passage]]:
        self.asked.append(query)
        if self._name not in query:
            return "", [passage(self._first, document="book"), *self._beside]
        if isinstance(self._further, TwintrackError):
            raise self._further
        return "", [passage(self._further, document="people")]

    def tool(self) -> BaseTool:
        return StructuredTool.from_function(
            coroutine=self.search, name="search_corpus", description="Search.", response_format="content_and_artifact"
        )


@pytest.fixture(scope="module")
def embedder() -> Any:
    return make_parts(Settings.model_validate({"audit": {"keep": 0}})).resources.embedder


async def found(library: Library, task: str, embedder: Any) -> Finding:
    policy = ToolPolicy(allowed={"researcher": frozenset({"search_corpus"})}, annotations=TOOLS)
    step = Step(id="s", agent="researcher", task=task, depends_on=[])
    researcher = Researcher(GatedTool(library.tool(), policy, agent="researcher"), embedder)
    return await researcher(Assignment(step=step, question=task, inputs=[], recalled=NOTHING_RECALLED), {})


async def test_the_answer_is_quoted_with_the_sentence_that_leads_to_it(embedder: Any) -> None:
    library = Library(BOOK, "Otto Brandt", BIRTH)
    finding = await found(library, NESTED, embedder)
    assert [one["quote"] for one in finding.citations] == [
        "The author of Silent Harbour is Otto Brandt.",
        "Otto Brandt was born in Marrow Bay.",
    ]
    assert (finding.answered, finding.messages) == (True, 4)


async def test_the_same_name_in_two_passages_is_looked_up_once(embedder: Any) -> None:
    library = Library(BOOK, "Otto Brandt", BIRTH, beside="A letter of Otto Brandt speaks of Silent Harbour.")
    finding = await found(library, NESTED, embedder)
    assert len(library.asked) == 2
    assert finding.messages == 4


async def test_nothing_more_is_looked_up_where_one_sentence_says_it_all(embedder: Any) -> None:
    library = Library(BOOK, "Otto Brandt", BIRTH)
    finding = await found(library, "Which book is about herring boats?", embedder)
    assert len(library.asked) == 1
    assert finding.text == "Silent Harbour is a book about herring boats. [1]"


@pytest.mark.parametrize("further", [BudgetExceeded("No more tool calls."), "Otto Brandt had four sisters."])
async def test_where_a_name_leads_nowhere_what_was_found_first_stands(embedder: Any, further: Any) -> None:
    library = Library(BOOK, "Otto Brandt", further)
    finding = await found(library, NESTED, embedder)
    assert len(library.asked) == 2
    assert {one["document_id"] for one in finding.citations} <= {"book"}
