"""Which questions wait for a person: those that were put, as long as their thread asks them."""

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.types import Interrupt

from twintrack.core.context import Identity
from twintrack.core.redis_errors import translated
from twintrack.core.waiting import RedisWaiting


def questions_in(found: CheckpointTuple | None) -> dict[str, Any]:
    """Return what a version's steps ask, by the id of the interrupt."""
    writes = (found.pending_writes if found else None) or ()
    groups = [value for _, _, value in writes if isinstance(value, list | tuple)]
    return {one.id: one.value for group in groups for one in group if isinstance(one, Interrupt)}


async def open_questions(
    waiting: RedisWaiting, saver: BaseCheckpointSaver[Any], identity: Identity
) -> list[tuple[str, float]]:
    """Return the user's threads on which a question waits, and until when, the next one first.

    A question that was put and is asked no more, because its thread went on another way, is left out.
    """
    async with translated():
        return [row for row in await waiting.of_user(identity) if await _asks(saver, row[0], identity)]


async def _asks(saver: BaseCheckpointSaver[Any], thread_id: str, identity: Identity) -> bool:
    newest = {"thread_id": thread_id, "checkpoint_ns": "", **identity.in_config()}
    return bool(questions_in(await saver.aget_tuple({"configurable": newest})))
