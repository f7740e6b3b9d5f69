"""Split the question into steps for the team's agents."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from langchain_core.language_models import BaseChatModel
from pydantic import BaseModel, Field

from twintrack.core.embeddings import Embedder
from twintrack.core.errors import TwintrackError
from twintrack.nodes.decompose import AgentCard, decompose
from twintrack.nodes.effort import spent
from twintrack.nodes.labels import also
from twintrack.nodes.prompts import plan_prompt
from twintrack.nodes.reuse import Reuse
from twintrack.nodes.state import Step, TeamState
from twintrack.nodes.structured import asking
from twintrack.nodes.work import without_work


class Planned(NamedTuple):
    """Steps, why they were not planned as they should have been, and what planning took."""

    steps: list[Step]
    degraded: str = ""
    tokens: int = 0
    messages: int = 0
    rested: bool = False
    """Whether nobody was asked for a plan."""


Planner = Callable[[TeamState], Awaitable[Planned]]
"""From the question, and what earlier steps found, to steps."""


class PlannedStep(BaseModel):
    """One step as the planning model writes it."""

    id: str = Field(description="Short unique name.")
    agent: str = Field(description="Name of the agent that does it.")
    task: str = Field(description="What to do, complete in itself.")
    depends_on: list[str] = Field(default_factory=list, description="Ids of the steps whose results it needs.")
    instead_of: list[str] = Field(default_factory=list, description="Ids of failed steps whose work it does instead.")
    tools: list[str] = Field(
        default_factory=list, description="The only tools of the agent that the task needs; none named leaves them all."
    )


class Plan(BaseModel):
    """The whole plan."""

    steps: list[PlannedStep]


async def plan(state: TeamState, *, planner: Planner, limit: int, reuse: Reuse | None = None) -> dict[str, Any]:
    """Write the plan, or after a first round the steps that are still missing; none is lost in silence.

    Nobody waits for a team: its answers are not kept.
    """
    began = time.perf_counter()
    if reuse and "replans" not in state:
        await reuse.give_up(state.get("lookup"))
    known = state.get("plan", [])
    planned = await planner(state)
    fresh = named_apart(planned.steps, known)
    cut = [without_work(step, f"a plan may have {limit} steps") for step in fresh[limit:]]
    label = {"degraded": also(state, planned.degraded)} if planned.degraded else {}
    return {
        "plan": [*known, *fresh],
        "results": cut,
        "replans": state.get("replans", -1) + 1,
        "changed_from": len(known) if "replans" in state and not planned.rested else None,
        "draft": None,
        **label,
        **spent("plan", began, tokens=planned.tokens, messages=planned.messages),
    }


def rule_planner(cards: Sequence[AgentCard], embedder: Embedder, limit: int) -> Planner:
    """Plan without a model: by rules and by nearness to the agents' own descriptions."""

    async def planner(state: TeamState) -> Planned:
        if state.get("results"):
            return Planned([])
        return Planned(await decompose(state["question"], cards, embedder, max_steps=limit))

    return planner


def model_planner(model: BaseChatModel, cards: Sequence[AgentCard], limit: int, otherwise: Planner) -> Planner:
    """Plan with a model; where it fails or names nobody who exists, plan by rules."""
    agents = "\n".join(map(_described, cards))
    names = {card.name for card in cards}
    ask = asking(model, Plan)

    async def by_rules(state: TeamState, why: str) -> Planned:
        return Planned((await otherwise(state)).steps, f"planned by rules: {why}", messages=2)

    async def planner(state: TeamState) -> Planned:
        try:
            written, tokens = await ask(plan_prompt(state, agents, limit))
        except TwintrackError as error:
            return await by_rules(state, error.problem)
        steps = [_as_step(step) for step in written.steps if step.task.strip()] if written else []
        if any(step["agent"] in names for step in steps):
            return Planned(steps, tokens=tokens, messages=2)
        return await by_rules(state, "the plan named nothing that can be done")

    return planner


def _described(card: AgentCard) -> str:
    tools = f" Tools: {', '.join(card.tools)}." if card.tools else ""
    return f"- {card.name}: {card.description}{tools}"


def _as_step(written: PlannedStep) -> Step:
    step = Step(
        id=written.id,
        agent=written.agent,
        task=written.task,
        depends_on=written.depends_on,
        instead_of=written.instead_of,
    )
    return Step(**{**step, "tools": written.tools}) if written.tools else step


def named_apart(steps: Sequence[Step], known: Sequence[Step]) -> list[Step]:
    """Give each step a name of its own; who depends on a name that two steps had waits for both."""
    taken = {step["id"] for step in known}
    names: dict[str, list[str]] = {}
    fresh: list[str] = []
    for step in steps:
        name = _free(step["id"], taken)
        taken.add(name)
        fresh.append(name)
        names.setdefault(step["id"], []).append(name)
    return [
        Step(**{**step, "id": name, "depends_on": _renamed(step["depends_on"], names)})
        for step, name in zip(steps, fresh, strict=True)
    ]


def _free(name: str, taken: set[str]) -> str:
    return next(
        one for number in range(1, len(taken) + 2) if (one := f"{name}+{number}" if number > 1 else name) not in taken
    )


def _renamed(needs: Sequence[str], names: dict[str, list[str]]) -> list[str]:
    return list(dict.fromkeys(name for need in needs for name in names.get(need, [need])))
