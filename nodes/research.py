"""The shipped agents' work without a model: look up and quote, or parse and compute."""

import re
from dataclasses import dataclass

from langchain_core.runnables import RunnableConfig

from twintrack.core.embeddings import Embedder
from twintrack.guardrails.gated_tool import GatedTool
from twintrack.nodes.answerable import Answerable
from twintrack.nodes.arithmetic import expression_in
from twintrack.nodes.extract import extract
from twintrack.nodes.state import Assignment
from twintrack.nodes.work import Finding

_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*")
_POINTS_BACK = re.compile(
    r"\b(that|it|this|the (?:result|number|answer|sum|product|total))\b|结果|这个数|它", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Researcher:
    """Searches the documents and quotes the sentences that answer the task."""

    search: GatedTool
    embedder: Embedder
    answerable: Answerable | None = None
    """Judges whether a quote can be the answer; None takes what ships."""

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        """Return the best sentences, cited."""
        task = assignment["step"]["task"]
        message = await self.search({"query": task}, config)
        draft = await extract(task, message.artifact, embedder=self.embedder, answerable=self.answerable)
        return Finding(draft["text"], draft["citations"], draft["status"] == "answered")


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
    if last is not None and (filled := expression_in(_POINTS_BACK.sub(last, task))):
        return filled
    return expression_in(task)
