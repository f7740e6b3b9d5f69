"""The settings of the models: who plays which role, and how long and how often each is asked."""

from pydantic import Field, SecretStr

from twintrack.core.settings_section import Section


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
