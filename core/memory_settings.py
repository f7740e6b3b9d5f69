"""The settings of what is kept of conversations: the memory tiers, versions, and answers to give again."""

from typing import Literal

from pydantic import Field, SecretStr

from twintrack.core.settings_section import Section


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
