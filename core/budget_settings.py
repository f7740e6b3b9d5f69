"""The settings of what may be spent, by one run and by a user or a tenant in a window of time."""

from pydantic import Field

from twintrack.core.prices import Price
from twintrack.core.settings_section import Section


class BudgetSettings(Section):
    """What one run may spend, and a user or a tenant in a window of time."""

    max_question_chars: int = Field(default=20_000, ge=1, description="Longest question accepted, in characters.")
    max_steps: int = Field(default=100, ge=10, le=1000, description="LangGraph super-steps of each graph of a run.")
    max_model_calls: int = Field(default=25, ge=1, description="Model calls of one run.")
    max_tool_calls: int = Field(default=50, ge=0, description="Tool calls of one run.")
    max_tokens: int = Field(default=200_000, ge=1, description="Tokens of one run, read and written together.")
    max_passage_tokens: int = Field(
        default=6000,
        ge=500,
        description="Tokens of passages shown to the answering model; their best sentences fit first.",
    )
    max_seconds: float = Field(default=120.0, gt=0, description="Wall time of one run, in seconds.")
    loop_repeats: int = Field(
        default=3, ge=1, description="Equal tool calls with equal results in one run; the next one is refused."
    )
    loop_pairs: int = Field(default=2, ge=2, description="Times that two equal tool calls may take turns.")
    loop_unchanged: int = Field(
        default=6, ge=2, description="Tool calls in a row whose results are all the same before an agent is stopped."
    )
    max_cost: float | None = Field(default=None, gt=0, description="Money of one run, in the currency of the prices.")
    max_depth: int = Field(default=3, ge=1, le=10, description="How deep agents and teams may stand within each other.")
    prices: dict[str, Price] = Field(
        default_factory=dict,
        description='What a million tokens cost, as JSON: {"openai:gpt-4.1-mini": {"read": 0.4, "written": 1.6}}. No limit of money holds for a model that is not named.',
    )
    window_s: float = Field(default=86_400.0, ge=1, description="Seconds of the windows that the next limits hold for.")
    user_model_calls: int | None = Field(default=None, ge=1, description="Model calls of one user in a window.")
    user_tool_calls: int | None = Field(default=None, ge=1, description="Tool calls of one user in a window.")
    user_tokens: int | None = Field(default=None, ge=1, description="Tokens of one user in a window.")
    user_cost: float | None = Field(default=None, gt=0, description="Money of one user in a window.")
    tenant_model_calls: int | None = Field(default=None, ge=1, description="Model calls of one tenant in a window.")
    tenant_tool_calls: int | None = Field(default=None, ge=1, description="Tool calls of one tenant in a window.")
    tenant_tokens: int | None = Field(default=None, ge=1, description="Tokens of one tenant in a window.")
    tenant_cost: float | None = Field(default=None, gt=0, description="Money of one tenant in a window.")
    closing_share: float = Field(
        default=0.1, ge=0, lt=1, description="Share of a run's time that is kept for putting its answer together."
    )
    step_seconds: float = Field(
        default=90.0, gt=0, description="Wall time of one step of the graphs; the team's agents have their own."
    )
    account_days: float = Field(
        default=30.0,
        gt=0,
        description="Days it is kept what a run has spent that waits for a person or was broken off.",
    )
    max_plan_steps: int = Field(default=8, ge=1, description="Steps a plan may have.")
    max_replans: int = Field(default=1, ge=0, description="Times a plan may be changed.")
    agent_seconds: float = Field(default=45.0, gt=0, description="Wall time of one sub-agent, in seconds.")
