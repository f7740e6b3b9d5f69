"""What the caller says about one run, and who the caller is."""

from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Identity:
    """The tenant and user every key and query carries."""

    tenant_id: str = "default"
    user_id: str = "local"
    groups: tuple[str, ...] = field(default=(), compare=False)
    """Groups whose documents the user may read; not part of who the user is."""

    def in_config(self) -> dict[str, str]:
        """Return who this is, as a run's configuration says it."""
        return {"tenant_id": self.tenant_id, "user_id": self.user_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One run's choices; frozen and JSON only.

    Under a server the identity comes from the server's user: see `identity_of`.
    """

    tenant_id: str = "default"
    user_id: str = "local"
    groups: tuple[str, ...] = ()
    """Groups whose documents the user may read."""
    locale: str = ""
    """Language of the answer as a BCP 47 tag; empty means the question's own language."""
    max_model_calls: int | None = None
    """Model calls this run may make; None takes the setting."""
    max_seconds: float | None = None
    """Wall time this run may take, in seconds; None takes the setting."""
    tools: tuple[str, ...] | None = None
    """The only tools that agents may use in this run, of those they have; None leaves them all."""
    forbidden_tools: tuple[str, ...] = ()
    """Tools that no agent may use in this run."""
    repeat_tool_calls: bool = False
    """Whether tools are called again that this thread called before it was rolled back."""
    metadata: dict[str, str] = field(default_factory=dict)
    """Free labels that go to the trace."""


class ServerUser(Protocol):
    """The part of a server's authenticated user that twintrack reads."""

    @property
    def identity(self) -> str:
        """Return the user's id as the server's auth handler gave it."""
        ...


class ServerInfo(Protocol):
    """The part of LangGraph's `Runtime.server_info` that twintrack reads."""

    @property
    def user(self) -> Any:
        """Return the authenticated user, or None."""
        ...


class RunInfo(Protocol):
    """The part of LangGraph's `Runtime` from which an identity is read."""

    @property
    def context(self) -> Any:
        """Return what the caller sent as context."""
        ...

    @property
    def server_info(self) -> Any:
        """Return the server's view of the run, or None when embedded."""
        ...


def identity_of(runtime: RunInfo) -> Identity:
    """Return who runs this: the server's user where there is a server, else the caller's context."""
    user = getattr(runtime.server_info, "user", None) if runtime.server_info else None
    if runtime.server_info is not None:
        return identity_of_user(user)
    context = runtime.context
    if isinstance(context, dict):
        context = Context(**context)
    return Identity(context.tenant_id, context.user_id, _names(context.groups)) if context else Identity()


def identity_of_user(user: Any) -> Identity:
    """Return who a server's authenticated user is; nobody is `anonymous`."""
    if user is None or not getattr(user, "is_authenticated", True):
        return Identity(user_id="anonymous")
    tenant = user["tenant_id"] if _has(user, "tenant_id") else "default"
    groups = user["groups"] if _has(user, "groups") else ()
    return Identity(str(tenant), str(user.identity), _names(groups))


def _names(given: Any) -> tuple[str, ...]:
    """Return a list's names; JSON and a server's user may hold anything, and what is no list names nobody."""
    return tuple(map(str, given)) if isinstance(given, list | tuple) else ()


def _has(user: Any, key: str) -> bool:
    try:
        return user[key] is not None
    except (KeyError, TypeError, AttributeError):
        return False
