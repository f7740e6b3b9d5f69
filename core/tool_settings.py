"""Settings of what agents may do with tools: approvals, their record, and the tools of MCP servers."""

from typing import Any, Literal, Self

from pydantic import Field, SecretStr, model_validator

from twintrack.core.settings_section import Section


class ApprovalSettings(Section):
    """Questions that wait for a person."""

    timeout_seconds: float | None = Field(
        default=86_400.0, gt=0, description="Seconds a question waits for a person; unset waits for ever."
    )
    default: Literal["reject", "approve_read_only"] = Field(
        default="reject",
        description="What holds when nobody decided in time: reject, or approve what only reads and reject the rest.",
    )
    sweep_seconds: float | None = Field(
        default=60.0,
        gt=0,
        description="Seconds between two looks of a server for questions that have waited too long; unset does not look.",
    )


class AuditSettings(Section):
    """The record of what was decided about tool calls."""

    keep: int = Field(default=10_000, ge=0, description="Newest decisions kept per tenant; 0 keeps none.")
    keep_days: float = Field(default=90.0, gt=0, description="Days a decision is kept.")


class ArgumentSettings(Section):
    """Bounds of one argument of a tool."""

    hosts: tuple[str, ...] | None = Field(default=None, description="Hosts that a link may point to; unset for any.")
    under: str | None = Field(default=None, description="Folder that a path must stay in.")
    at_most: float | None = Field(default=None, description="Largest amount.")
    from_user: bool = Field(default=False, description="Each value must be said by the user or given by a source.")
    addresses_from_user: bool = Field(default=False, description="The same for links and addresses inside a text.")
    sources: tuple[str, ...] = Field(
        default=(), description="Tools, or fields as `tool.field`, that may supply the value, such as an address book."
    )
    pointed_at: tuple[str, ...] = Field(
        default=(), description="The same, where the user pointed at what they gave back."
    )
    not_from: tuple[str, ...] = Field(
        default=(), description="Tools whose values must not stand in it, unless the user said them."
    )


class McpToolSettings(Section):
    """What is known of one tool, and what bounds its calls."""

    read_only: bool = Field(default=False, description="It changes nothing.")
    destructive: bool = Field(default=False, description="It cannot be undone: a person approves each call.")
    approve: bool = Field(default=False, description="A person approves each call.")
    asked_by: tuple[str, ...] = Field(default=(), description="Words of which the user must have said one.")
    arguments: dict[str, ArgumentSettings] = Field(default_factory=dict, description="Bounds by argument.")
    result: dict[str, Any] | None = Field(default=None, description="JSON schema of what it gives back.")
    cache_seconds: float = Field(
        default=0.0, ge=0, description="How long an equal read-only call of the same user is answered from memory."
    )


class McpServerSettings(Section):
    """One MCP server whose tools agents may call: started by a command, or reached at a URL."""

    command: str = Field(default="", description="Program that speaks MCP on its standard input and output.")
    args: tuple[str, ...] = Field(default=(), description="Its arguments.")
    env: dict[str, SecretStr] = Field(default_factory=dict, description="Its own environment variables.")
    url: str = Field(default="", description="Address of a server that speaks streamable HTTP, instead of a command.")
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="Headers sent to the address.")
    agents: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Names of the tools that each agent may call; others are not seen."
    )
    read_only: tuple[str, ...] = Field(
        default=(), description="Tools that change nothing: what the server says of itself is not believed."
    )
    destructive: tuple[str, ...] = Field(default=(), description="Tools whose every call a person must approve.")
    tools: dict[str, McpToolSettings] = Field(
        default_factory=dict, description="What is known of single tools, by name: bounds, approval, results, caching."
    )
    timeout_s: float = Field(default=30.0, gt=0, description="Seconds to wait for the server's answer.")

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if bool(self.command) == bool(self.url):
            raise ValueError("name either a command or a url")
        return self
