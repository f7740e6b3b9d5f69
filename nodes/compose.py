"""Make one answer of the agents' findings, citations carried through, gaps named."""

import re
import time
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

from langchain_core.language_models import BaseChatModel

from twintrack.core.errors import TwintrackError
from twintrack.core.passages import Citation
from twintrack.nodes.ask_first import rejected
from twintrack.nodes.claims import claims, marks, numbers, renumbered
from twintrack.nodes.effort import spent
from twintrack.nodes.gather import coverage, lacking
from twintrack.nodes.labels import also
from twintrack.nodes.prompts import compose_prompt, say
from twintrack.nodes.state import Coverage, Draft, Step, StepResult, TeamState
from twintrack.nodes.structured import QUIET

_ORDINAL = re.compile(r"^\s*\(?\d{1,2}[.)、]\s+")
"""The number of a list's item."""


async def compose(state: TeamState, *, model: BaseChatModel | None) -> dict[str, Any]:
    """Join the findings; a team without one finding hands back a failure, not an answer."""
    began = time.perf_counter()
    update, tokens = await _composed(state, model)
    return {**update, **spent("compose", began, tokens=tokens, messages=2 if tokens else 0)}


async def _composed(state: TeamState, model: BaseChatModel | None) -> tuple[dict[str, Any], int]:
    """Return the draft with its labels, and the tokens its wording took."""
    plan, steps = state.get("plan", []), state["steps"]
    update: dict[str, Any] = {"tried": [*state.get("tried", []), "team"], "draft": None, "failure": ""}
    done = [step for step in steps if step["status"] == "done"]
    if not done and any(map(rejected, steps)):
        text = _lacking(state["question"], steps)
        why = "; ".join(dict.fromkeys(step["error"] for step in steps if rejected(step)))
        return update | {"draft": Draft(status="abstained", text=text, citations=[], reason=why)}, 0
    if not done:
        return update | {"failure": _why(steps)}, 0
    text, citations = joined(done)
    if stood_in := [said for step in steps if (said := step.get("degraded"))]:
        update["degraded"] = also(state, "; ".join(dict.fromkeys(stood_in)))
    tokens = 0
    if model is not None and not _said_by_one(plan, done):
        try:
            text, tokens = await _written(state["question"], done, text, citations, model)
        except TwintrackError as error:
            said = f"answered in the agents' own words: {error.problem}"
            update["degraded"] = also({**state, **update}, said)
    if missing := lacking(plan, steps):
        text = f"{text}\n\n{_lacking(state['question'], missing)}"
    draft = Draft(
        status="answered",
        text=text,
        citations=citations,
        reason=_told(state, coverage(plan, steps), done),
        rests_on="documents" if citations else "calculation",
    )
    return update | {"draft": draft}, tokens


def _said_by_one(plan: Sequence[Step], done: Sequence[StepResult]) -> bool:
    """Tell whether one agent was asked for the whole: composing would pay a model for saying its words again."""
    return len(plan) == len(done) == 1


def _told(state: TeamState, covered: Coverage, done: Sequence[StepResult]) -> str:
    """Say that the direct track had no answer, and what this one lacks: steps, and what those with a result miss."""
    missing = len(covered["lacking"])
    said = ["escalated from direct to team"] if "direct" in state.get("tried", []) else []
    said += [f"{missing} of {covered['planned']} steps have no result"] if missing else []
    return "; ".join([*said, *dict.fromkeys(f"{step['agent']}: {step['error']}" for step in done if step["error"])])


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
) -> tuple[str, int]:
    """Return what the model's wording says of the findings, or they themselves where it lost one, and its tokens."""
    reply = await model.ainvoke(compose_prompt(question, findings), QUIET)
    computed = [step["text"] for step in done if not step["citations"]]
    text = _supported(
        str(reply.text), {citation["marker"] for citation in citations}, f"{question} {findings}", computed
    )
    said = numbers(text)
    told = {int(mark[1]) for mark in marks(text)} == {citation["marker"] for citation in citations}
    whole = told and all(not numbers(one) or numbers(one) & said for one in computed)
    tokens = reply.usage_metadata["total_tokens"] if reply.usage_metadata else 0
    return text if text and whole else findings, tokens


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
