"""Make one answer of the agents' findings, citations carried through, gaps named."""

import re
from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel

from twintrack.core.errors import TwintrackError
from twintrack.core.passages import Citation
from twintrack.nodes.labels import also
from twintrack.nodes.prompts import COMPOSE, say
from twintrack.nodes.route import QUIET
from twintrack.nodes.state import Draft, StepResult, TeamState

_MARK = re.compile(r"\[(\d{1,3})\]")


async def compose(state: TeamState, *, model: BaseChatModel | None) -> dict[str, Any]:
    """Join the findings; a team without one finding hands back a failure, not an answer."""
    steps = state["steps"]
    tried = [*state.get("tried", []), "team"]
    done = [step for step in steps if step["status"] == "done"]
    if not done:
        return {"tried": tried, "draft": None, "failure": _why(steps)}
    text, citations = joined(done)
    label: dict[str, Any] = {}
    if model is not None:
        try:
            text = await _written(state["question"], text, citations, model)
        except TwintrackError as error:
            label = {"degraded": also(state, f"answered in the agents' own words: {error.problem}")}
    missing = [step["task"] for step in steps if step["status"] != "done"]
    if missing:
        text = f"{text}\n\n{say('partial', state['question'], tasks='; '.join(missing))}"
    reason = f"{len(missing)} of {len(steps)} steps have no result" if missing else ""
    return {
        "tried": tried,
        "draft": Draft(status="answered", text=text, citations=citations, reason=reason),
        "failure": "",
        **label,
    }


def joined(done: Sequence[StepResult]) -> tuple[str, list[Citation]]:
    """Return the findings as one text whose citations are numbered through, each quote once."""
    citations: dict[tuple[str, int, int], Citation] = {}
    texts: list[str] = []
    for step in done:
        numbers: dict[int, int] = {}
        for citation in step["citations"]:
            place = (citation["passage_id"], citation["start"], citation["end"])
            kept = citations.setdefault(place, Citation(**{**citation, "marker": len(citations) + 1}))
            numbers[citation["marker"]] = kept["marker"]
        texts.append(_renumbered(step["text"], numbers))
    return "\n".join(dict.fromkeys(texts)), list(citations.values())


def _renumbered(text: str, numbers: dict[int, int]) -> str:
    return _MARK.sub(lambda mark: f"[{numbers.get(int(mark[1]), int(mark[1]))}]", text)


async def _written(question: str, findings: str, citations: Sequence[Citation], model: BaseChatModel) -> str:
    """Return the model's wording, or the findings themselves where it lost a citation."""
    reply = await model.ainvoke(COMPOSE.format(question=question, findings=findings), QUIET)
    text = str(reply.text)
    kept = {int(mark) for mark in _MARK.findall(text)}
    return text if kept == {citation["marker"] for citation in citations} else findings


def _why(steps: Sequence[StepResult]) -> str:
    reasons = dict.fromkeys(step["error"] or step["status"] for step in steps)
    return f"no agent had a result ({'; '.join(reasons)})" if steps else "the plan was empty"
