"""What one tool call that changes something is, and what makes sure that it is not made twice."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from twintrack.core.context import Identity, identity_of


@dataclass(frozen=True, slots=True)
class Place:
    """Where in which thread a call is made."""

    thread_id: str
    version: str
    """Version of the root graph from which the running step goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """One call, with all that tells whether it was made before."""

    identity: Identity
    place: Place
    agent: str
    tool: str
    arguments: Mapping[str, Any]
    call_id: str
    known: frozenset[str] = field(default_factory=frozenset)
    """Ids of the calls that the agent sees in its conversation: it means this one to be another."""
    repeat: bool = False
    """Whether the caller asked to have it made again."""


class Ledger(Protocol):
    """Writes down what tools did, before and after."""

    async def once(self, use: ToolUse, run: Callable[[], Awaitable[Any]]) -> Any:
        """Return what `run` brings, or what the same call brought when it was made before."""
        ...


_key: ContextVar[str] = ContextVar("twintrack_idempotency_key", default="")


def idempotency_key() -> str:
    """Return the key of the call that this code makes, for a service that takes one; empty where nothing is written down.

    Each call that is meant to be made has its own; one that is made again, because nobody knows what came of it, keeps it.
    """
    return _key.get()


@contextmanager
def keyed(key: str) -> Iterator[None]:
    """Let what runs in the block be the call with this key."""
    token = _key.set(key)
    try:
        yield
    finally:
        _key.reset(token)


def place_of(config: Mapping[str, Any]) -> Place | None:
    """Return where a step of a graph stands, or None where the run keeps no versions."""
    where = config.get("configurable") or {}
    version = (where.get("checkpoint_map") or {}).get("")
    thread_id = where.get("thread_id")
    return Place(str(thread_id), str(version)) if thread_id and version and where.get("__pregel_checkpointer") else None


def caller_of(runtime: Any) -> tuple[Identity, bool]:
    """Return who runs this, and whether tools are to be called again that were called before."""
    context = getattr(runtime, "context", None)
    again = context.get("repeat_tool_calls") if isinstance(context, dict) else getattr(context, "repeat_tool_calls", 0)
    try:
        return identity_of(runtime), again is True
    except (TypeError, AttributeError):
        return Identity(), again is True  # a graph of another kind, whose context names nobody
