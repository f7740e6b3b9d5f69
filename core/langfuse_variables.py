"""Langfuse's own LANGFUSE_* variables, read from the environment and from .env."""

from typing import Any

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from twintrack.core.errors import SettingsError

PREFIX = "LANGFUSE_"


class LangfuseVariables(BaseSettings):
    """Where traces go; without both keys nothing leaves the machine."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    public_key: str | None = Field(default=None, description="Public key of the Langfuse project.")
    secret_key: SecretStr | None = Field(default=None, description="Secret key of the Langfuse project.")
    base_url: str = Field(
        default="https://cloud.langfuse.com",
        validation_alias=AliasChoices("LANGFUSE_BASE_URL", "LANGFUSE_HOST"),
        description="URL of the Langfuse server.",
    )
    tracing_enabled: bool = Field(default=True, description="False switches all tracing off.")
    tracing_environment: str | None = Field(default=None, description="Langfuse environment, such as `production`.")
    release: str | None = Field(default=None, description="Release the traces belong to.")
    sample_rate: float = Field(default=1.0, ge=0, le=1, description="Share of traces that are kept.")
    timeout: float = Field(default=5.0, gt=0, description="Seconds one export may take.")
    otel_traces_export_path: str = Field(
        default="api/public/otel/v1/traces", description="Path of the server's OTLP endpoint."
    )

    @property
    def has_keys(self) -> bool:
        """Tell whether a Langfuse server is set up."""
        return bool(self.public_key and self.secret_key)

    @property
    def endpoint(self) -> str:
        """Return the URL spans are posted to."""
        return f"{self.base_url.rstrip('/')}/{self.otel_traces_export_path.lstrip('/')}"


def load_langfuse_variables(**overrides: Any) -> LangfuseVariables:
    """Read the variables once.

    Raises:
        SettingsError: names the wrong variable.
    """
    try:
        return LangfuseVariables(**overrides)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False)[0]
        name = variable(str(wrong["loc"][0]))
        shown = "" if "KEY" in name else f"={wrong['input']!r}"[:80]
        raise SettingsError(f"{name}{shown}: {wrong['msg']}.", fix=f"correct {name}, or unset it") from error


def variable(field: str) -> str:
    """Return the environment variable of a field, or the one that it already names."""
    return field if field.startswith(PREFIX) else f"{PREFIX}{field.upper()}"
