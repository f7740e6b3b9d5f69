"""Counts what coordinating a team takes beside its agents' work."""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from twintrack.core.context import Context
from twintrack.guardrails.run_meter import tokens_spent
from twintrack.nodes.state import Coordination, Effort, StepResult, TeamState

log = logging.getLogger(__name__)
_RULED_MESSAGES = 2
"""A call and its result: what an agent that follows rules exchanges with its tool."""


def spent(step: str, began: float, *, tokens: int = 0, messages: int = 0) -> dict[str, Any]:
    """Return the update that notes what a step took since `began` on the performance counter."""
    seconds = round(time.perf_counter() - began, 6)
    return {"effort": [Effort(step=step, seconds=seconds, tokens=tokens, messages=messages)]}


@dataclass(frozen=True, slots=True, kw_only=True)
class TooMuch:
    """From where coordination is called too much: shares of time and of tokens, and what goes unnoticed of each."""

    seconds: float = 1.0
    tokens: float = 1.0
    unnoticed_seconds: float = 0.1
    unnoticed_tokens: int = 1000


def counting(verify: Callable[..., Awaitable[dict[str, Any]]], too_much: TooMuch) -> Callable[..., Awaitable[Any]]:
    """Return the team's last step, which also adds up what coordinating took, its own part among it."""

    async def closed(state: TeamState, runtime: Runtime[Context], config: RunnableConfig) -> dict[str, Any]:
        began, before = time.perf_counter(), tokens_spent(config)
        update = await verify(state, runtime)
        tokens = tokens_spent(config) - before
        effort = spent("verify", began, tokens=tokens, messages=2 if tokens else 0)["effort"]
        return {**update, "coordination": coordination(state, effort, too_much)}

    return closed


def coordination(state: TeamState, last: Sequence[Effort], too_much: TooMuch) -> Coordination:
    """Add up the run's efforts and the `last` ones; too large a share of time or tokens is logged."""
    steps = state.get("steps", [])
    inner = [step["within"] for step in steps if "within" in step]
    by_step: dict[str, Effort] = {}
    for one in [*_routed(state), *state.get("effort", []), *inner, *last]:
        by_step[one["step"]] = _sum(by_step.get(one["step"]), one)
    work, here = [_worked(step) for step in steps], [*by_step.values()]
    shares = {name: _share(_total(here, name), _total(work, name)) for name in ("seconds", "tokens", "messages")}
    high = bool(steps) and (
        (shares["seconds"] > too_much.seconds and _total(here, "seconds") > too_much.unnoticed_seconds)
        or (shares["tokens"] > too_much.tokens and _total(here, "tokens") > too_much.unnoticed_tokens)
    )
    if high:
        told = (shares["seconds"] * 100, shares["tokens"] * 100)
        log.warning("coordination took %.0f %% of the team's time and %.0f %% of its tokens", *told)
    return Coordination(
        seconds=shares["seconds"],
        tokens=shares["tokens"],
        messages=shares["messages"],
        high=high,
        between=_between(steps),
        by_step=by_step,
        again=sum(step.get("again", False) for step in steps),
    )


def _total(efforts: Sequence[Effort], name: str) -> float:
    return sum(
        {"seconds": one["seconds"], "tokens": one["tokens"], "messages": one["messages"]}[name] for one in efforts
    )


def _between(steps: Sequence[StepResult]) -> dict[str, int]:
    """Count who gave tasks to whom; what peers hand over comes from the peer before."""
    counts: dict[str, int] = {}
    giver = "team"
    for step in steps:
        if step["status"] != "skipped":
            pair = f"{giver}>{step['agent']}"
            counts[pair] = counts.get(pair, 0) + 1
        giver = step["agent"] if "hand_over" in step else "team"
        for pair, count in step.get("between", {}).items():
            inside = pair.replace("team>", f"{step['agent']}>", 1)
            counts[inside] = counts.get(inside, 0) + count
    return counts


def _routed(state: TeamState) -> list[Effort]:
    if not (decision := state.get("decision")):
        return []
    asked = 2 if decision["tokens"] else 0
    return [Effort(step="route", seconds=decision["ms"] / 1000, tokens=decision["tokens"], messages=asked)]


def _worked(step: StepResult) -> Effort:
    messages = step.get("messages", 0 if step["status"] == "skipped" else _RULED_MESSAGES)
    # What coordinating took inside a team is no work of its agents.
    seconds = max(0.0, step["seconds"] - step["within"]["seconds"]) if "within" in step else step["seconds"]
    return Effort(step=step["agent"], seconds=seconds, tokens=step.get("tokens", 0), messages=messages)


def _sum(known: Effort | None, one: Effort) -> Effort:
    if known is None:
        return one
    return Effort(
        step=one["step"],
        seconds=round(known["seconds"] + one["seconds"], 6),
        tokens=known["tokens"] + one["tokens"],
        messages=known["messages"] + one["messages"],
    )


def _share(overhead: float, work: float) -> float:
    return round(overhead / (overhead + work), 4) if overhead + work else 0.0
