"""The settings of the team: who is in it, and the numbers of its rows."""

from pathlib import Path

from pydantic import Field

from twintrack.core.settings_section import Section


class AgentSettings(Section):
    """Numbers of one agent or team of the table; unset leaves what its row says."""

    model_calls: int | None = Field(default=None, ge=1, description="Model calls of one task.")
    tool_calls: int | None = Field(default=None, ge=0, description="Tool calls of one task.")
    tokens: int | None = Field(default=None, ge=1, description="Tokens of one task.")
    cost: float | None = Field(default=None, gt=0, description="Money of one task.")
    seconds: float | None = Field(default=None, gt=0, description="Wall time of one task.")
    context_tokens: int | None = Field(
        default=None, ge=100, description="Tokens of its conversation from which old tool results are left out."
    )
    summarize_above: int | None = Field(
        default=None,
        ge=100,
        description="Tokens of its conversation from which its model reads notes in the place of what is old, at the price of one call more.",
    )
    cache_seconds: float | None = Field(
        default=None,
        ge=0,
        description="Seconds for which what it found is given again for an equal task; 0 never. Only for agents that read nothing but documents.",
    )
    at_once: int | None = Field(default=None, ge=1, description="Tasks it works on at the same time, in one process.")
    members_at_once: int | None = Field(
        default=None, ge=1, description="Members of the team at work at the same time, in one process."
    )
    per_minute: int | None = Field(default=None, ge=1, description="Tasks it begins in a minute, in all processes.")
    priority: int | None = Field(default=None, description="Who goes first where tasks wait for a place: the higher.")
    max_hops: int | None = Field(default=None, ge=0, description="Hand-overs of one task between its peers.")


class TeamSettings(Section):
    """The team of sub-agents."""

    approve: tuple[str, ...] = Field(
        default=(), description="Agents that a person must approve before they run, by name."
    )
    tables: tuple[Path, ...] = Field(
        default=(), description="CSV and Parquet files that the analyst reads; every user may ask about them."
    )
    logs: tuple[Path, ...] = Field(
        default=(),
        description="Log files, and metrics as CSV, JSON or Prometheus text, that the diagnostician reads; every user may ask about them.",
    )
    keeper: bool = Field(
        default=False, description="Whether the team has a member that remembers, looks up and forgets on request."
    )
    at_once: int | None = Field(
        default=None,
        ge=1,
        description="Tasks that the team's agents work on at the same time, in one process over all its runs; where tasks wait, the row with the higher priority goes first. Unset sets no bound.",
    )
    model_calls: int = Field(default=10, ge=1, description="Model calls of one agent's task, where its row names none.")
    tool_calls: int = Field(default=20, ge=0, description="Tool calls of one agent's task, where its row names none.")
    context_tokens: int = Field(
        default=60_000,
        ge=100,
        description="Tokens of an agent's conversation from which old tool results are left out.",
    )
    tool_retries: int = Field(
        default=2, ge=0, le=10, description="Further attempts of a tool that only reads and is unavailable."
    )
    tool_wait_first_s: float = Field(
        default=1.0, ge=0, description="Seconds before the second attempt of such a tool; then twice that, with jitter."
    )
    tool_wait_most_s: float = Field(
        default=60.0, ge=0, description="Longest wait between two such attempts, in seconds."
    )
    result_chars: int = Field(
        default=20_000, ge=100, description="Characters of a tool's result that an agent is shown."
    )
    tools_shown: int = Field(
        default=12, ge=1, description="Tools that a model is shown; of more than these a first call chooses."
    )
    calculator_seconds: float = Field(default=5.0, gt=0, description="Seconds one calculation may take.")
    calculator_memory_mb: int = Field(default=64, ge=8, description="Memory of one calculation, in megabytes.")
    tables_seconds: float = Field(default=10.0, gt=0, description="Seconds one query of the tables may take.")
    tables_memory_mb: int = Field(
        default=512, ge=64, description="Memory of the tables and their queries, in megabytes."
    )
    max_hops: int = Field(default=6, ge=0, description="Hand-overs of one task between peers.")
    replan_failures: int = Field(
        default=5,
        ge=0,
        description="Changed plans in a row, over all runs of a process, that brought nothing, after which no plan is changed for a while; 0 changes plans always.",
    )
    replan_rest_s: float = Field(
        default=60.0, ge=0, description="Seconds for which no plan is changed then; after them one is tried."
    )
    agents: dict[str, AgentSettings] = Field(
        default_factory=dict,
        description='Numbers of single agents and teams of the table, by name, as JSON: {"researcher": {"seconds": 20, "priority": 2}}.',
    )
    overhead_unnoticed_s: float = Field(
        default=0.1, ge=0, description="Seconds of coordination that are not worth a label, whatever their share."
    )
    overhead_unnoticed_tokens: int = Field(
        default=1000, ge=0, description="Tokens of coordination that are not worth a label, whatever their share."
    )
    overhead_warns_at_tokens: float = Field(
        default=0.8, ge=0, le=1, description="Share of the team's tokens in coordination from which a run is labelled."
    )
    overhead_warns_at: float = Field(
        default=0.5, ge=0, le=1, description="Share of the team's time in coordination from which a run is labelled."
    )
