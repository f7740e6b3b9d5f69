"""The shipped agents' work without a model: look up and quote, or parse and compute."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from langchain_core.runnables import RunnableConfig

from twintrack.core.embeddings import Embedder
from twintrack.core.errors import TwintrackError
from twintrack.core.passages import Passage
from twintrack.core.simplified import simplified
from twintrack.guardrails.gated_tool import GatedTool
from twintrack.nodes.answerable import Answerable
from twintrack.nodes.arithmetic import expression_in
from twintrack.nodes.extract import extract, quoted
from twintrack.nodes.leads import Chain, chained, followed
from twintrack.nodes.state import Assignment, Draft
from twintrack.nodes.work import Finding

_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*")
_POINTS_BACK = re.compile(
    r"\b(that|it|this|the (?:result|number|answer|sum|product|total))\b|结果|这个数|它", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Researcher:
    """Searches the documents, follows the names it finds, and quotes the sentences that answer the task."""

    search: GatedTool
    embedder: Embedder
    answerable: Answerable | None = None
    """Judges whether a quote can be the answer; None takes what ships."""

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        """Return the best sentences, cited."""
        task = assignment["step"]["task"]
        passages = await self._found(task, config)
        leads = await followed(task, passages, partial(self._further, config=config))
        draft = await self._quoted(task, passages)
        if (chain := chained(task, passages, leads)) and await self._holds(chain, draft):
            draft = quoted([chain.first, chain.second])
        exchanged = 2 * (1 + len({lead.names for lead in leads}))
        return Finding(draft["text"], draft["citations"], draft["status"] == "answered", messages=exchanged)

    async def _holds(self, chain: Chain, draft: Draft) -> bool:
        """Tell whether two sentences may stand for the draft; where there was no answer, the second must be able to be one."""
        if draft["status"] != "answered":
            draft = await self._quoted(chain.question, [chain.second.passage])
        return draft["status"] == "answered"

    async def _quoted(self, question: str, passages: Sequence[Passage]) -> Draft:
        return await extract(question, passages, embedder=self.embedder, answerable=self.answerable)

    async def _found(self, query: str, config: RunnableConfig) -> Sequence[Passage]:
        message = await self.search({"query": query}, config)
        passages: Sequence[Passage] = message.artifact
        return passages

    async def _further(self, query: str, config: RunnableConfig) -> Sequence[Passage]:
        """Return what a further look-up finds; what the first one found stands without it."""
        try:
            return await self._found(query, config)
        except TwintrackError:
            return ()


@dataclass(frozen=True, slots=True)
class Calculator:
    """Reads the calculation out of the task and computes it in the sandbox."""

    compute: GatedTool

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        """Return `expression = value`."""
        expression = expression_of(assignment)
        if expression is None:
            return Finding("", answered=False)
        value = await self.compute({"expression": expression}, config)
        return Finding(f"{expression} = {value.text}")


def expression_of(assignment: Assignment) -> str | None:
    """Return the calculation the task asks for, earlier results filled in where it points back."""
    task = assignment["step"]["task"]
    numbers = [_NUMBER.findall(result["text"]) for result in assignment["inputs"]]
    last = next((found[-1].replace(",", "") for found in reversed(numbers) if found), None)
    if last is not None and (filled := expression_in(_POINTS_BACK.sub(last, simplified(task)))):
        return filled
    return expression_in(task)
