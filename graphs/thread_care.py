"""What becomes of a thread once a run on it has ended: back to the last good version, and old versions let go."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from langgraph.types import StateSnapshot

from twintrack.core.errors import Conflict, TwintrackError, UnknownThread
from twintrack.memory.checkpoint_removal import prune
from twintrack.memory.checkpoint_storage import CheckpointStorage
from twintrack.memory.rollback import ROLLED_BACK_TO, Rollback, roll_back

log = logging.getLogger(__name__)

OnError = Literal["keep", "rollback"]
"""What to do with the versions of a run that failed: go on from them, or from the last good version before them."""
POLICY = "on_error"
"""Who went back, in the list of versions."""
RUN = "twintrack_run"
"""Key of a run's config metadata that tells its versions from any other run's."""
History = Callable[[], AsyncIterator[StateSnapshot]]
"""Yields the versions of the run's thread, newest first."""
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

    @property
    def mark(self) -> dict[str, str]:
        """Metadata for a run's config by which its versions are known."""
        return {RUN: uuid4().hex} if self.on_error == "rollback" else {}

    async def around(
        self,
        run: AsyncGenerator[Any],
        saver: Any,
        config: Mapping[str, Any],
        history: History,
        note: dict[str, str],
    ) -> AsyncGenerator[Any]:
        """Pass a run on; where it ends, or breaks, look after its thread, and note for its trace what was done."""
        thread = _Thread.of(saver, config, history)
        try:
            async with aclosing(run):
                async for chunk in run:
                    yield chunk
        except (Conflict, UnknownThread):
            raise  # what is newest there is somebody else's
        except Exception as error:
            if thread:
                await self._after(thread, _reason(error), note)
            raise
        if thread:
            await self._after(thread, await self._failure(thread), note)

    async def _failure(self, thread: "_Thread") -> str:
        """Return why the run's answer is none, empty where it is one."""
        if self.on_error != "rollback":
            return ""
        found = await thread.saver.aget_tuple({"configurable": {"thread_id": thread.id, "checkpoint_ns": ""}})
        answer = found.checkpoint["channel_values"].get("answer") if found else None
        return str(answer.get("reason") or "the turn failed") if answer and _failed(answer) else ""

    async def _after(self, thread: "_Thread", failure: str, note: dict[str, str]) -> None:
        try:
            if failure and self.on_error == "rollback":
                await self._back(thread, failure, note)
            await self._let_go(thread)
        except TwintrackError as error:
            log.warning("Thread %s was left as the run left it: %s", thread.id, error.problem)

    async def _back(self, thread: "_Thread", failure: str, note: dict[str, str]) -> None:
        """Go back behind the run's own versions; what another run has made newest since is left alone."""
        head = ""
        async for version in thread.history():
            id_ = str(version.config["configurable"]["checkpoint_id"])
            if thread.made(version):
                head = head or id_
            elif not head:
                return
            elif _good(version):
                back = Rollback(thread.id, id_, failure, POLICY, thread.labels, head)
                await roll_back(thread.storage, thread.saver.serde, back)
                note |= {"rolled_back_to": id_, "rolled_back_because": failure}
                return

    async def _let_go(self, thread: "_Thread") -> None:
        if self.keep_last is not None and await thread.storage.count(thread.id) > self.keep_last * (1 + 1 / _SLACK):
            await prune(thread.storage, thread.id, self.keep_last)


@dataclass(frozen=True, slots=True)
class _Thread:
    """The thread a run is on, where our saver keeps it."""

    id: str
    saver: Any
    storage: CheckpointStorage
    labels: dict[str, Any]
    history: History

    @classmethod
    def of(cls, saver: Any, config: Mapping[str, Any], history: History) -> "_Thread | None":
        where = config.get("configurable") or {}
        # A server hands over its own face of our saver.
        storage, thread_id = getattr(saver, "storage", None), where.get("thread_id")
        if not thread_id or where.get("checkpoint_ns") or not isinstance(storage, CheckpointStorage):
            return None
        labels = {name: value for name, value in (config.get("metadata") or {}).items() if isinstance(value, str)}
        return cls(str(thread_id), saver, storage, labels, history)

    def made(self, version: StateSnapshot) -> bool:
        """Tell whether the run that has just ended made the version."""
        return RUN in self.labels and (version.metadata or {}).get(RUN) == self.labels[RUN]


def _good(version: StateSnapshot) -> bool:
    """Tell whether a turn ended well with the version, or waits for a person there, or a person chose it."""
    metadata: Mapping[str, Any] = version.metadata or {}
    chosen = ROLLED_BACK_TO in metadata and metadata.get("actor") != POLICY
    if chosen or metadata.get("source") in ("update", "fork") or version.interrupts:
        return True
    answer = version.values.get("answer") if isinstance(version.values, dict) else None
    return not version.next and not _failed(answer)


def _failed(answer: Any) -> bool:
    return isinstance(answer, dict) and answer.get("status") == "failed"


def _reason(error: Exception) -> str:
    """Return what may be said of a failure: our own words, or the error's kind alone."""
    return error.problem if isinstance(error, TwintrackError) else f"the run broke ({type(error).__name__})"
