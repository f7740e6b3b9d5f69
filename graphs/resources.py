"""What the graphs are wired with: everything the process holds open, chosen once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from twintrack.core.corpus import Corpus
from twintrack.core.embeddings import Embedder
from twintrack.core.models import Models
from twintrack.core.settings import BudgetSettings, RouterSettings, TeamSettings
from twintrack.core.task_results import TaskResults
from twintrack.core.tool_calls import Ledger
from twintrack.graphs.agent_row import AgentSpec
from twintrack.guardrails import Policy
from twintrack.guardrails.tools import ToolAnnotations
from twintrack.memory.tiers import Memory
from twintrack.nodes.answerable import Answerable
from twintrack.nodes.ask_first import Asking
from twintrack.nodes.calculate import Sandbox
from twintrack.nodes.complexity import Thresholds
from twintrack.nodes.effort import TooMuch
from twintrack.nodes.reuse import Reuse
from twintrack.nodes.route import Classifier
from twintrack.nodes.tables import Tables
from twintrack.nodes.turnstile import Rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Open clients and chosen parts; `app.assemble` makes the one that runs."""

    embedder: Embedder
    corpus: Corpus
    memory: Memory
    models: Models
    policy: Policy
    classifier: Classifier
    thresholds: Thresholds
    sandbox: Sandbox
    answerable: Answerable
    router: RouterSettings
    budgets: BudgetSettings
    team: TeamSettings = field(default_factory=TeamSettings)
    """Numbers of the table's rows."""
    rates: Rates | None = None
    """Paces agents over all processes; None paces each process by itself."""
    ledger: Ledger | None = None
    """Where tools that change something are written down; None writes nothing down."""
    reuse: Reuse | None = None
    """Gives kept answers again; None where the answer cache is off."""
    results: TaskResults | None = None
    """Keeps what agents found for equal tasks, where their rows say so; None keeps nothing."""
    tables: Tables | None = None
    """What the analyst reads; None leaves it out."""
    logs: tuple[Path, ...] = ()
    """What the diagnostician reads; nothing leaves it out."""
    keeper: bool = False
    """Whether the memory keeper is in the table."""
    annotations: Mapping[str, ToolAnnotations] = field(default_factory=dict)
    """What is known of tools beside the shipped ones, by name."""
    agents: tuple[AgentSpec, ...] | None = None
    """The table of sub-agents; None takes the shipped one."""
    overhead_warns_at: float = 0.5
    """Share of the team's time in coordination from which a run is labelled and logged."""
    asking: Asking = field(default_factory=Asking)
    """How long a person may think, what holds after that, and where decisions are written down."""
    approve: frozenset[str] = frozenset()
    """Names of the agents that a person must approve before they run."""


def too_much(resources: Resources) -> TooMuch:
    """Return from where the settings call coordination too much."""
    numbers = resources.team
    return TooMuch(
        seconds=resources.overhead_warns_at,
        tokens=numbers.overhead_warns_at_tokens,
        unnoticed_seconds=numbers.overhead_unnoticed_s,
        unnoticed_tokens=numbers.overhead_unnoticed_tokens,
    )
