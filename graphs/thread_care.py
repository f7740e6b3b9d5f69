"""What becomes of a thread once a run on it has ended: back to the last good version, and old versions let go."""

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal

from twintrack.core.errors import Conflict, TwintrackError, UnknownThread
from twintrack.memory.checkpoint_storage import CheckpointStorage
from twintrack.memory.rollback import Rollback, roll_back

log = logging.getLogger(__name__)

OnError = Literal["keep", "rollback"]
"""What to do with the versions of a run that failed: go on from them, or from the version before the run."""
POLICY = "on_error"
"""Who went back, in the list of versions."""
_SLACK = 10
"""Every how many-th part of what is kept old versions are let go: doing it costs as much as is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadCare:
    """What is done after each run, by the graph itself; a thread that is not on our saver is left alone."""

    on_error: OnError = "keep"
    keep_last: int | None = None
    """Versions kept of a thread, named ones and questions to a person besides; None keeps all."""

    @property
    def needed(self) -> bool:
        """Tell whether there is anything to do."""
        return self.on_error == "rollback" or self.keep_last is not None

    async def around(
        self, run: AsyncGenerator[Any], saver: Any, config: Mapping[str, Any], note: dict[str, str]
    ) -> AsyncGenerator[Any]:
        """Pass a run on; where it ends, or breaks, look after its thread, and note for its trace what was done."""
        thread = _Thread.of(saver, config)
        start = await thread.storage.newest(thread.id) if thread and self.on_error == "rollback" else ""
        try:
            async with aclosing(run):
                async for chunk in run:
                    yield chunk
        except (Conflict, UnknownThread):
            raise  # what is newest there is somebody else's
        except Exception as error:
            if thread:
                await self._after(thread, start, _reason(error), note)
            raise
        if thread:
            await self._after(thread, start, await self._failure(thread), note)

    async def _failure(self, thread: "_Thread") -> str:
        """Return why the run's answer is none, empty where it is one."""
        if self.on_error != "rollback":
            return ""
        found = await thread.saver.aget_tuple({"configurable": {"thread_id": thread.id, "checkpoint_ns": ""}})
        answer = found.checkpoint["channel_values"].get("answer") if found else None
        failed = isinstance(answer, dict) and answer.get("status") == "failed"
        return str(answer.get("reason") or "the turn failed") if answer and failed else ""

    async def _after(self, thread: "_Thread", start: str, failure: str, note: dict[str, str]) -> None:
        try:
            if failure and start and self.on_error == "rollback":
                await self._back(thread, start, failure, note)
            await self._let_go(thread)
        except TwintrackError as error:
            log.warning("Thread %s was left as the run left it: %s", thread.id, error.problem)

    async def _back(self, thread: "_Thread", start: str, failure: str, note: dict[str, str]) -> None:
        if await thread.storage.newest(thread.id) == start:
            return  # the run wrote nothing
        back = Rollback(thread.id, start, failure, POLICY, thread.labels)
        await roll_back(thread.storage, thread.saver.serde, back)
        note |= {"rolled_back_to": start, "rolled_back_because": failure}

    async def _let_go(self, thread: "_Thread") -> None:
        if self.keep_last is not None and await thread.storage.count(thread.id) > self.keep_last * (1 + 1 / _SLACK):
            await thread.storage.prune(thread.id, self.keep_last)


@dataclass(frozen=True, slots=True)
class _Thread:
    """The thread a run is on, where our saver keeps it."""

    id: str
    saver: Any
    storage: CheckpointStorage
    labels: dict[str, Any]

    @classmethod
    def of(cls, saver: Any, config: Mapping[str, Any]) -> "_Thread | None":
        where = config.get("configurable") or {}
        # A server hands over its own face of our saver.
        storage, thread_id = getattr(saver, "storage", None), where.get("thread_id")
        if not thread_id or where.get("checkpoint_ns") or not isinstance(storage, CheckpointStorage):
            return None
        labels = {name: value for name, value in (config.get("metadata") or {}).items() if isinstance(value, str)}
        return cls(str(thread_id), saver, storage, labels)


def _reason(error: Exception) -> str:
    """Return what may be said of a failure: our own words, or the error's kind alone."""
    return error.problem if isinstance(error, TwintrackError) else f"the run broke ({type(error).__name__})"
