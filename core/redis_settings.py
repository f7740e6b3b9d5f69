"""The settings of the connection to Redis, and of the server that the product starts itself."""

from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field, SecretStr

from twintrack.core.settings_section import Section


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
