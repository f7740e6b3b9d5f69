"""One row of the table of sub-agents: who it is, what for, and what it may touch and spend."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from langchain_core.tools import BaseTool

from twintrack.core.models import Role
from twintrack.core.settings import TeamSettings
from twintrack.guardrails.gated_tool import GatedTool
from twintrack.guardrails.tools import ToolAnnotations
from twintrack.nodes.hand_over import hand_over_tool
from twintrack.nodes.work import Agent

Data = Literal["documents", "files", "memory"]
"""What a tool may read of what belongs to somebody."""


OutsideTools = Callable[["AgentSpec"], Awaitable[tuple["AgentSpec", Mapping[str, ToolAnnotations], bool]]]
"""From a row to the row with its outside tools, what is known of them, and whether all of them answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpec:
    """One agent, or with `members` a whole team that is used as one."""

    name: str
    purpose: str
    """What a planner reads to choose the agent."""
    tools: tuple[str | BaseTool, ...] = ()
    """The only tools it may call: names from the shelf, or tools of your own."""
    outside: tuple[str, ...] = ()
    """Names of further tools, which `outside_tools` brings at its first task."""
    outside_tools: OutsideTools | None = None
    prompt: str = ""
    """Its instructions when a model plays it."""
    role: Role = "agent"
    """Which of the models plays it."""
    without_model: Callable[[Any, Mapping[str, GatedTool]], Agent] | None = None
    """Its work by rules, from the resources and its tools; None fails, labelled, where no model is set."""
    fallback: str = "rules"
    """Who does its task, once, where it fails: `rules` for its own work by rules, or another row; empty for nobody."""
    graph: Callable[[Any], Any] | None = None
    """Any compiled graph with a `messages` channel, made from the resources, that does the work instead."""
    computes: bool = False
    """Whether what its tools give back counts without a citation."""
    reads: frozenset[Data] = frozenset()
    """What data its tools may read."""
    model_calls: int | None = None
    """Model calls of one task, those of a team's members among them; None takes the setting, for a team no limit."""
    tool_calls: int | None = None
    """Tool calls of one task, as model calls are counted."""
    tokens: int | None = None
    """Tokens of one task, those of a team's members among them; None leaves it to the run's limit."""
    cost: float | None = None
    """Money of one task, as far as the prices are known; None leaves it to the run's limit."""
    context_tokens: int | None = None
    """Tokens of its conversation from which old tool results are left out; None takes the setting."""
    summarize_above: int | None = None
    """Tokens of its conversation from which its model reads notes in the place of what is old; None takes none."""
    seconds: float | None = None
    """Wall time of one task; None takes the setting."""
    cache_seconds: float = 0.0
    """How long what it found may be given again for an equal task, of any run; it is told nothing of the user then."""
    at_once: int | None = None
    """Tasks it works on at the same time, in one process; None sets no bound."""
    per_minute: int | None = None
    """Tasks it begins in a minute, in all processes together; None sets no bound."""
    priority: int = 0
    """Who goes first where tasks wait for a place in their team: the higher."""
    members: tuple["AgentSpec", ...] = ()
    """The agents of a team that is used as one agent."""
    members_at_once: int | None = None
    """Members at work at the same time, over all tasks of the team in one process; None sets no bound."""
    pattern: Literal["supervisor", "peers"] = "supervisor"
    """How the members work together: by a plan, or handing over to each other."""
    max_hops: int | None = None
    """Hand-overs of one task between peers; None takes the setting."""


def with_settings(spec: AgentSpec, team: TeamSettings) -> AgentSpec:
    """Return the row with the numbers that the settings give it by name, its members' too."""
    given = team.agents.get(spec.name)
    chosen = given.model_dump(exclude_none=True) if given else {}
    return replace(spec, members=tuple(with_settings(one, team) for one in spec.members), **chosen)


def whole(spec: AgentSpec, team: TeamSettings) -> AgentSpec:
    """Return the row with the settings' numbers where it names none; a team's own calls have no limit by themselves."""
    names = ("context_tokens", "max_hops", *(() if spec.members else ("model_calls", "tool_calls")))
    missing: dict[str, Any] = {name: getattr(team, name) for name in names if getattr(spec, name) is None}
    return replace(spec, **missing)


def with_colleagues(spec: AgentSpec, members: Sequence[AgentSpec]) -> AgentSpec:
    """Return a member that knows the others and may hand over to them."""
    others = "\n".join(f"- {one.name}: {one.purpose}" for one in members if one.name != spec.name)
    told = f"What is not your work, hand over with hand_over, after saying what you found. Your colleagues:\n{others}"
    return replace(spec, prompt=f"{spec.prompt}\n\n{told}", tools=(*spec.tools, hand_over_tool()))
