"""Make one answer of the agents' findings, citations carried through, gaps named."""

import re
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

from langchain_core.language_models import BaseChatModel

from twintrack.core.errors import TwintrackError
from twintrack.core.passages import Citation
from twintrack.nodes.claims import claims, marks, numbers, renumbered
from twintrack.nodes.delegate import rejected
from twintrack.nodes.labels import also
from twintrack.nodes.prompts import compose_prompt, say
from twintrack.nodes.state import Draft, StepResult, TeamState
from twintrack.nodes.structured import QUIET

_ORDINAL = re.compile(r"^\s*\(?\d{1,2}[.)、]\s+")
"""The number of a list's item."""


async def compose(state: TeamState, *, model: BaseChatModel | None) -> dict[str, Any]:
    """Join the findings; a team without one finding hands back a failure, not an answer."""
    steps = state["steps"]
    tried = [*state.get("tried", []), "team"]
    done = [step for step in steps if step["status"] == "done"]
    if not done and any(map(rejected, steps)):
        draft = Draft(status="abstained", text=_lacking(state["question"], steps), citations=[], reason="not approved")
        return {"tried": tried, "draft": draft, "failure": ""}
    if not done:
        return {"tried": tried, "draft": None, "failure": _why(steps)}
    text, citations = joined(done)
    label: dict[str, Any] = {}
    if model is not None:
        try:
            text = await _written(state["question"], done, text, citations, model)
        except TwintrackError as error:
            label = {"degraded": also(state, f"answered in the agents' own words: {error.problem}")}
    # A sum told as a story goes to two agents; where one of them did it, it is done.
    answered = {step["task"] for step in done}
    missing = [step for step in steps if step["status"] != "done" and step["task"] not in answered]
    if missing:
        text = f"{text}\n\n{_lacking(state['question'], missing)}"
    reason = f"{len(missing)} of {len(steps)} steps have no result" if missing else ""
    return {
        "tried": tried,
        "draft": Draft(
            status="answered",
            text=text,
            citations=citations,
            reason=reason,
            rests_on="documents" if citations else "calculation",
        ),
        "failure": "",
        **label,
    }


def joined(done: Sequence[StepResult]) -> tuple[str, list[Citation]]:
    """Return the findings as one text whose citations are numbered through, each quote once."""
    citations: dict[tuple[str, int, int], Citation] = {}
    texts: list[str] = []
    for step in done:
        names: dict[int, int] = {}
        for citation in step["citations"]:
            place = (citation["passage_id"], citation["start"], citation["end"])
            kept = citations.setdefault(place, Citation(**{**citation, "marker": len(citations) + 1}))
            names[citation["marker"]] = kept["marker"]
        texts.append(renumbered(step["text"], names, [citation["quote"] for citation in step["citations"]]))
    return "\n".join(dict.fromkeys(texts)), list(citations.values())


async def _written(
    question: str, done: Sequence[StepResult], findings: str, citations: Sequence[Citation], model: BaseChatModel
) -> str:
    """Return what the model's wording says of the findings, or they themselves where it lost one."""
    reply = await model.ainvoke(compose_prompt(question, findings), QUIET)
    computed = [step["text"] for step in done if not step["citations"]]
    text = _supported(
        str(reply.text), {citation["marker"] for citation in citations}, f"{question} {findings}", computed
    )
    said = numbers(text)
    told = {int(mark[1]) for mark in marks(text)} == {citation["marker"] for citation in citations}
    whole = told and all(not numbers(one) or numbers(one) & said for one in computed)
    return text if text and whole else findings


def _supported(text: str, markers: Collection[int], known: str, computed: Sequence[str]) -> str:
    """Keep the sentences that carry a mark, or state computed numbers alone; no number may be new."""
    stated, calculated = numbers(known), {value for one in computed for value in numbers(one)}
    lines = []
    for line in text.splitlines():
        kept = [one for one in claims(line) if _holds(one, markers, stated, calculated)]
        lines += [" ".join(kept)] if kept else []
    return "\n".join(lines)


def _holds(claim: str, markers: Collection[int], stated: set[Decimal], calculated: set[Decimal]) -> bool:
    carried = [int(mark[1]) for mark in marks(claim)]
    said = numbers(_ORDINAL.sub("", claim))
    if carried:
        return set(carried) <= set(markers) and said <= stated
    return bool(said) and said <= calculated


def _lacking(question: str, missing: Sequence[StepResult]) -> str:
    """Name what was not approved, and what else has no result."""
    refused = [step["task"] for step in missing if rejected(step)]
    others = [step["task"] for step in missing if not rejected(step)]
    said = [say("rejected", question, tasks="; ".join(refused))] if refused else []
    return "\n".join([*said, say("partial", question, tasks="; ".join(others))] if others else said)


def _why(steps: Sequence[StepResult]) -> str:
    reasons = dict.fromkeys(step["error"] or step["status"] for step in steps)
    return f"no agent had a result ({'; '.join(reasons)})" if steps else "the plan was empty"
