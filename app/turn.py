"""One run of the application: whose, on which thread, with which limits."""

import uuid
from dataclasses import dataclass, fields
from typing import Any

from langchain_core.runnables import RunnableConfig

from twintrack.core.context import Context, Identity
from twintrack.core.errors import InputError, UnknownThread
from twintrack.guardrails.budget import SpendMeter
from twintrack.guardrails.meters import Meters


@dataclass(frozen=True, slots=True)
class Turn:
    """One run's identity, limits and configuration."""

    thread_id: str
    context: Context
    meter: SpendMeter
    config: RunnableConfig

    @property
    def identity(self) -> Identity:
        """Return who asks."""
        return Identity(self.context.tenant_id, self.context.user_id)


def begun(thread_id: str, context: Context, meters: Meters) -> Turn:
    """Return a turn with a budget of its own."""
    meter = meters.meter(context, Identity(context.tenant_id, context.user_id))
    return Turn(thread_id, context, meter, _config(thread_id, context, meter))


def unknown_thread(thread_id: str) -> UnknownThread:
    """Return the refusal of a thread that is not there, or not this user's."""
    return UnknownThread(f"There is no thread {thread_id!r}.", fix="use one of your own, or begin a new one")


def check_words(tenant_id: str, user_id: str, choices: dict[str, Any]) -> None:
    """Refuse an empty name, and choices that `Context` does not have."""
    for name, value in (("tenant_id", tenant_id), ("user_id", user_id)):
        if not value.strip():
            raise InputError(f"{name!r} is empty.", fix=f"leave {name} out, or name one")
    known = sorted(field.name for field in fields(Context) if field.name not in ("tenant_id", "user_id"))
    if unknown := sorted(choices.keys() - set(known)):
        raise InputError(f"{unknown[0]!r} is not a choice of a run.", fix=f"use {', '.join(known)}")


def _config(thread_id: str, context: Context, meter: SpendMeter) -> RunnableConfig:
    return {
        "configurable": {"thread_id": thread_id, "tenant_id": context.tenant_id, "user_id": context.user_id},
        "callbacks": [meter],
        "run_id": uuid.uuid4(),
    }
