"""Every setting: one frozen tree, read once at assembly, each field described."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)
from pydantic_settings import SettingsError as SourcesError
from yaml import YAMLError

from twintrack.core.budget_settings import BudgetSettings
from twintrack.core.errors import SettingsError
from twintrack.core.memory_settings import CacheSettings, CheckpointSettings, MemorySettings
from twintrack.core.model_settings import ModelSettings
from twintrack.core.rail_settings import RailSettings
from twintrack.core.redis_settings import RedisSettings
from twintrack.core.retrieval_settings import RetrievalSettings
from twintrack.core.router_settings import RouterSettings, TuningSettings
from twintrack.core.server_settings import ServerSettings
from twintrack.core.setting_sources import emptied
from twintrack.core.settings_errors import explain, unknown
from twintrack.core.team_settings import AgentSettings, TeamSettings
from twintrack.core.tool_settings import ApprovalSettings, AuditSettings, McpServerSettings, McpToolSettings
from twintrack.core.tracing_settings import TracingSettings
from twintrack.core.tuning import TuningSource

__all__ = [
    "SETTINGS_FILE",
    "AgentSettings",
    "ApprovalSettings",
    "AuditSettings",
    "BudgetSettings",
    "CacheSettings",
    "CheckpointSettings",
    "McpServerSettings",
    "McpToolSettings",
    "MemorySettings",
    "ModelSettings",
    "RailSettings",
    "RedisSettings",
    "RetrievalSettings",
    "RouterSettings",
    "ServerSettings",
    "Settings",
    "TeamSettings",
    "TracingSettings",
    "TuningSettings",
    "load_settings",
]

SETTINGS_FILE = Path("twintrack.yaml")

GUARDS = {"TWINTRACK_CHECKPOINTS__ENCRYPTION_KEY", "TWINTRACK_SERVER__KEYS"}
"""Left empty, as where a secret was not filled in, these would let go of a lock without a word."""


class Settings(BaseSettings):
    """The whole tree; TWINTRACK_<SECTION>__<FIELD> sets one value, and left empty sets none."""

    model_config = SettingsConfigDict(
        env_prefix="TWINTRACK_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        env_file=".env",
        env_file_encoding="utf-8",
        yaml_file=SETTINGS_FILE,
        extra="ignore",
        frozen=True,
        validate_default=True,
    )

    redis: RedisSettings = Field(default_factory=RedisSettings)
    models: ModelSettings = Field(default_factory=ModelSettings)
    retrieval: RetrievalSettings = Field(default_factory=RetrievalSettings)
    memory: MemorySettings = Field(default_factory=MemorySettings)
    cache: CacheSettings = Field(default_factory=CacheSettings)
    budgets: BudgetSettings = Field(default_factory=BudgetSettings)
    rails: RailSettings = Field(default_factory=RailSettings)
    router: RouterSettings = Field(default_factory=RouterSettings)
    team: TeamSettings = Field(default_factory=TeamSettings)
    mcp: dict[str, McpServerSettings] = Field(
        default_factory=dict, description="MCP servers whose tools agents may call, by name."
    )
    approvals: ApprovalSettings = Field(default_factory=ApprovalSettings)
    audit: AuditSettings = Field(default_factory=AuditSettings)
    checkpoints: CheckpointSettings = Field(default_factory=CheckpointSettings)
    tracing: TracingSettings = Field(default_factory=TracingSettings)
    server: ServerSettings = Field(default_factory=ServerSettings)
    tuning: TuningSettings = Field(default_factory=TuningSettings)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="WARNING", description="Level of twintrack's own log."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the base class's
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, then environment, then .env, then twintrack.yaml, then the tuning file that these name."""
        chosen = (init_settings, env_settings, dotenv_settings, YamlConfigSettingsSource(settings_cls))
        return (*chosen, TuningSource(settings_cls))


def load_settings(**overrides: Any) -> Settings:
    """Read the tree once.

    Raises:
        SettingsError: names the wrong setting, where it came from and the fix.
    """
    try:
        if strangers := unknown(Settings, SETTINGS_FILE):
            name, near = strangers[0]
            fix = f"did you mean {near}?" if near else "remove it; `twintrack settings` lists them all."
            raise SettingsError(f"{name} is not a setting.", fix=fix)
        if lost := sorted(emptied() & GUARDS):
            raise SettingsError(f"{lost[0]} is empty.", fix="give it its value, or remove it to go without")
        return Settings(**overrides)
    except ValidationError as error:
        problem, fix = explain(error, Settings, overrides, SETTINGS_FILE)
        raise SettingsError(problem, fix=fix) from error
    except YAMLError as error:
        raise SettingsError(f"{SETTINGS_FILE} is not YAML: {_one_line(error)}.", fix="correct that line") from error
    except SourcesError as error:
        raise SettingsError(
            _one_line(error), fix="write lists and objects as JSON, as in '[\"calculator\"]'"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The settings cannot be read: {_one_line(error)}.", fix="make .env and twintrack.yaml readable UTF-8"
        ) from error
    except (TypeError, ValueError) as error:
        raise SettingsError(
            f"{SETTINGS_FILE} cannot be used: {_one_line(error)}.", fix="write `section:` and below it `  field: value`"
        ) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
