"""Split the question into steps for the team's agents."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from langchain_core.language_models import BaseChatModel
from pydantic import BaseModel, Field

from twintrack.core.embeddings import Embedder
from twintrack.core.errors import TwintrackError
from twintrack.nodes.decompose import AgentCard, decompose
from twintrack.nodes.labels import also
from twintrack.nodes.prompts import plan_prompt
from twintrack.nodes.state import Step, TeamState
from twintrack.nodes.structured import asked


class Planned(NamedTuple):
    """Steps, and why they were not planned as they should have been."""

    steps: list[Step]
    degraded: str = ""


Planner = Callable[[TeamState], Awaitable[Planned]]
"""From the question, and what earlier steps found, to steps."""


class PlannedStep(BaseModel):
    """One step as the planning model writes it."""

    id: str = Field(description="Short unique name.")
    agent: str = Field(description="Name of the agent that does it.")
    task: str = Field(description="What to do, complete in itself.")
    depends_on: list[str] = Field(default_factory=list, description="Ids of the steps whose results it needs.")


class Plan(BaseModel):
    """The whole plan."""

    steps: list[PlannedStep]


async def plan(state: TeamState, *, planner: Planner) -> dict[str, Any]:
    """Write the plan, or after a first round the steps that are still missing."""
    results = state.get("results", [])
    kept = [step for step in state.get("plan", []) if step["id"] in {result["step_id"] for result in results}]
    planned = await planner(state)
    label = {"degraded": also(state, planned.degraded)} if planned.degraded else {}
    replans = state.get("replans", -1) + 1
    return {"plan": [*kept, *_fresh(planned.steps, kept)], "replans": replans, "draft": None, **label}


def rule_planner(cards: Sequence[AgentCard], embedder: Embedder, limit: int) -> Planner:
    """Plan without a model: by rules and by nearness to the agents' own descriptions."""

    async def planner(state: TeamState) -> Planned:
        if state.get("results"):
            return Planned([])
        return Planned(await decompose(state["question"], cards, embedder, max_steps=limit))

    return planner


def model_planner(model: BaseChatModel, cards: Sequence[AgentCard], limit: int, otherwise: Planner) -> Planner:
    """Plan with a model; where it fails or names what does not exist, plan by rules."""
    agents = "\n".join(f"- {card.name}: {card.description}" for card in cards)
    names = {card.name for card in cards}

    async def by_rules(state: TeamState, why: str) -> Planned:
        return Planned((await otherwise(state)).steps, f"planned by rules: {why}")

    async def planner(state: TeamState) -> Planned:
        try:
            written, _ = await asked(model, Plan, plan_prompt(state, agents, limit))
        except TwintrackError as error:
            return await by_rules(state, error.problem)
        steps = sound(written.steps, names, limit) if written else []
        return Planned(steps) if steps else await by_rules(state, "the plan named nothing that can be done")

    return planner


def sound(steps: Sequence[PlannedStep], agents: set[str], limit: int) -> list[Step]:
    """Keep the steps that can run: known agent, unique id, dependencies on earlier steps only."""
    kept: dict[str, Step] = {}
    for step in steps[:limit]:
        if step.agent in agents and step.id not in kept and step.task.strip():
            needs = [need for need in step.depends_on if need in kept]
            kept[step.id] = Step(id=step.id, agent=step.agent, task=step.task, depends_on=needs)
    return list(kept.values())


def _fresh(steps: Sequence[Step], kept: Sequence[Step]) -> list[Step]:
    taken = {step["id"] for step in kept}
    renamed = {step["id"]: step["id"] if step["id"] not in taken else f"{step['id']}+{len(kept)}" for step in steps}
    return [
        Step(
            id=renamed[step["id"]],
            agent=step["agent"],
            task=step["task"],
            depends_on=[renamed.get(need, need) for need in step["depends_on"]],
        )
        for step in steps
    ]
