"""The settings of the HTTP server: who may call it, and what it may read."""

from pathlib import Path

from pydantic import Field, SecretStr

from twintrack.core.settings_section import Section


class ServerSettings(Section):
    """Who may call the HTTP server, and what it may read."""

    keys: tuple[SecretStr, ...] = Field(
        default=(),
        description='Whom each API key belongs to, as a JSON list of "key:user:tenant:group,group", of which the last parts may be left out; without any, this machine alone is served, as the user `local`.',
    )
    documents: Path | None = Field(
        default=None, description="Folder whose files the `indexer` graph may read; unset switches it off."
    )
