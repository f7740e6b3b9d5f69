"""The branches of the settings tree, each field described."""

from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from twintrack.core.prices import Price


class Section(BaseModel):
    """Base of each branch of the tree."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class RedisSettings(Section):
    """Where Redis is and how to talk to it."""

    url: SecretStr | None = Field(
        default=None,
        description="redis://, rediss://, unix://, redis+sentinel:// or redis+cluster:// URL; unset starts the embedded server.",
    )
    data_dir: Path = Field(
        default_factory=lambda: user_data_path("twintrack"), description="Folder of the embedded server's data."
    )
    max_connections: int = Field(default=128, ge=4, description="Size of the blocking connection pool.")
    timeout_s: float = Field(default=10.0, gt=0, description="Seconds to wait for Redis before an error.")


class ModelSettings(Section):
    """Which model plays each role, as `provider:model`; empty means extractive mode.

    Several, joined by commas, are a chain: the first that works answers.
    """

    router: str = Field(default="", description="Chat model that settles unsure routes.")
    answerer: str = Field(default="", description="Chat model that writes cited answers.")
    planner: str = Field(default="", description="Chat model that plans the team's steps.")
    agent: str = Field(default="", description="Chat model of the sub-agents.")
    judge: str = Field(default="", description="Chat model that grades answers.")
    embedder: str = Field(
        default="local:use-multilingual-v3", description="Embedder, as `provider:model`; local needs no key."
    )
    base_url: str | None = Field(default=None, description="Base URL of an OpenAI-compatible server.")
    api_key: SecretStr | None = Field(
        default=None, description="Key sent to the provider; unset leaves it to the provider's own variable."
    )
    timeout_s: float = Field(default=30.0, gt=0, description="Seconds one attempt of a model call may take.")
    total_s: float = Field(default=60.0, gt=0, description="Seconds a model call may take with all its attempts.")
    max_attempts: int = Field(default=3, ge=1, le=10, description="Attempts per model call, the first one included.")
    wait_first_s: float = Field(default=0.2, gt=0, description="Seconds before the second attempt; then twice that.")
    wait_most_s: float = Field(default=10.0, gt=0, description="Longest wait between two attempts, in seconds.")
    local_threads: int = Field(default=1, ge=1, description="Threads of the model `local:smollm2`.")
    breaker_failures: int = Field(default=5, ge=1, description="Failed calls in a row before a model is let rest.")
    breaker_rest_s: float = Field(default=30.0, gt=0, description="Seconds a model rests before it is tried again.")


class RetrievalSettings(Section):
    """How passages are found."""

    corpus: str = Field(default="default", pattern=r"^[a-z0-9-]+$", description="Name of the corpus.")
    limit: int = Field(default=8, ge=1, le=100, description="Passages handed to the answer.")
    candidates: int = Field(default=50, ge=1, le=1000, description="Candidates each ranker proposes.")
    vector_weight: float = Field(
        default=0.3, ge=0, le=1, description="Share of the vector score in the mix; the rest is words."
    )
    vector_weights: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=dict,
        description='The same for single corpora, by name, as JSON: {"handbook": 0.4}; `twintrack eval tune` chooses them.',
    )
    long_text_chars: int = Field(
        default=400, ge=1, description="Characters from which a question is taken as a text about many things."
    )
    long_text_share: float = Field(
        default=1 / 3,
        ge=0,
        le=1,
        description="What is left of the vector's share for such a text: one vector of it is near to nothing in it.",
    )
    chunk_chars: int = Field(default=900, ge=100, le=20_000, description="Characters per passage.")
    chunk_overlap: int = Field(default=120, ge=0, description="Characters two neighbouring passages share.")
    vector_index: Literal["hnsw", "flat"] = Field(
        default="hnsw", description="Vector index: hnsw stays quick as a corpus grows, flat is exact and built at once."
    )
    hnsw_m: int = Field(
        default=16,
        ge=2,
        le=512,
        description="Neighbours each vector of an hnsw index keeps: more find more, and cost memory and time. Another number is another index.",
    )
    hnsw_ef_construction: int = Field(
        default=200,
        ge=2,
        le=4096,
        description="Vectors looked at while a new one's neighbours are chosen. Another number is another index.",
    )
    hnsw_ef_runtime: int = Field(
        default=100,
        ge=1,
        le=4096,
        description="Vectors a search in a large hnsw index looks at, at least as many as candidates: more find more and cost time.",
    )
    vector_type: Literal["float32", "float16"] = Field(
        default="float32", description="What a stored vector is made of: float16 takes half the memory."
    )
    reranker: Literal["parts", "none"] = Field(
        default="parts",
        description="Order what was found by its part nearest to the question and the word pairs it shares, or not.",
    )
    window_weight: float = Field(
        default=0.4, ge=0, description="What the reranker gives for a passage's nearest part, in standard scores."
    )
    phrase_weight: float = Field(
        default=0.2, ge=0, description="What the reranker gives for word pairs of the question, in standard scores."
    )
    reranked: int = Field(default=30, ge=1, le=200, description="Passages that the reranker looks at.")
    neighbours: int = Field(default=0, ge=0, le=5, description="Passages added from before and behind each one found.")
    vectors_kept_days: float = Field(
        default=7.0,
        ge=0,
        description="Days the vectors of what was read in are kept for reading the same text in again; 0 keeps none, nor are those of one user's own documents.",
    )
    max_file_mb: float = Field(default=50.0, gt=0, description="Largest file that is read, in megabytes.")

    def weight(self, question: str) -> float:
        """Return how much meaning counts beside words, in this corpus and for this question."""
        usual = self.vector_weights.get(self.corpus, self.vector_weight)
        return usual * self.long_text_share if len(question) > self.long_text_chars else usual


class MemorySettings(Section):
    """The three memory tiers."""

    window_messages: int = Field(default=12, ge=2, description="Messages kept word for word in the short tier.")
    window_tokens: int = Field(
        default=3000, ge=100, description="Tokens of the window before older turns are summarised."
    )
    facts_limit: int = Field(default=5, ge=0, description="User facts recalled per turn.")
    episodes_limit: int = Field(default=3, ge=0, description="Past episodes recalled per turn.")
    episode_days: int = Field(default=365, ge=1, description="Days an episode is kept.")
    summary_days: int = Field(default=30, ge=1, description="Days the summary of an idle thread is kept.")
    summary_chars: int = Field(
        default=1500, ge=200, description="Longest summary of what was said before the window, in characters."
    )


class CacheSettings(Section):
    """Answers that are given again to the same question."""

    enabled: bool = Field(
        default=False,
        description="Give a kept answer to the same question again; off by default, because asking again is also how people ask for another try.",
    )
    threshold: float = Field(
        default=0.8, ge=0.5, le=1, description="Cosine from which another wording may be the same question."
    )
    ttl_minutes: float = Field(default=1440.0, gt=0, description="Minutes an answer is kept.")
    max_entries: int = Field(
        default=10_000, ge=1, description="Answers kept per tenant, give or take a sixteenth; the oldest go first."
    )
    wait_s: float = Field(
        default=10.0, ge=0, description="Seconds to wait for an equal question that is being answered; 0 never waits."
    )


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


class RailSettings(Section):
    """What the guardrails look for."""

    mask_personal_data: bool = Field(
        default=True, description="Mask personal data and secrets before anything is stored."
    )
    mask_key: SecretStr | None = Field(
        default=None,
        description="Secret the placeholders are made from, the same for every process; unset keeps one in `mask.key` in the data folder.",
    )
    block_injection: bool = Field(
        default=True, description="Refuse questions that try to change the assistant's own rules."
    )


class RouterSettings(Section):
    """When a question goes to the team."""

    threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Complexity from which a question goes to the team; unset takes the tuning's.",
    )
    margin: float | None = Field(
        default=None,
        ge=0,
        le=0.5,
        description="Half-width of the band in which the small model is asked, and without one the team; unset takes the tuning's.",
    )
    weak_evidence: float = Field(
        default=0.35, ge=0, le=1, description="Evidence below which direct escalates to the team."
    )


class TuningSettings(Section):
    """Weights and thresholds chosen on data of one's own."""

    file: Path | None = Field(
        default=None,
        description="File made by `twintrack eval tune`; settings win over it, and what it leaves out stays as shipped.",
    )


class CheckpointSettings(Section):
    """How versions are kept."""

    ttl_minutes: float | None = Field(default=None, gt=0, description="Minutes an idle thread is kept; unset keeps it.")
    concurrent_runs: Literal["queue", "reject", "replace"] = Field(
        default="queue", description="Where another run has the thread: wait in the queue, give up, or end the other."
    )
    on_error: Literal["keep", "rollback"] = Field(
        default="keep", description="Keep a failed turn, or go back to the last good one."
    )
    keep_last: int | None = Field(default=None, ge=1, description="Newest versions kept of a thread; unset keeps all.")
    encryption_key: SecretStr | None = Field(
        default=None, description="AES key of 16, 24 or 32 bytes; checkpoints are encrypted when set."
    )


class TracingSettings(Section):
    """What goes to Langfuse (its own LANGFUSE_* variables hold the keys)."""

    mask: bool = Field(default=True, description="Mask personal data before it leaves the process.")
    mask_names: bool = Field(
        default=False, description="Mask English names of people and places too; needs the extra `pii`."
    )
    keep_local: int = Field(default=50, ge=0, description="Traces kept in Redis for `twintrack traces`.")
    keep_days: float = Field(default=7.0, gt=0, description="Days such a trace is kept.")


class ServerSettings(Section):
    """Who may call the HTTP server, and what it may read."""

    keys: tuple[SecretStr, ...] = Field(
        default=(),
        description='Whom each API key belongs to, as a JSON list of "key:user:tenant:group,group", of which the last parts may be left out; without any, this machine alone is served, as the user `local`.',
    )
    documents: Path | None = Field(
        default=None, description="Folder whose files the `indexer` graph may read; unset switches it off."
    )
