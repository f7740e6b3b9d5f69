"""What tools did outside: written down before and after, so that going back does not do it twice."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from langchain_core.messages import ToolMessage
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.errors import GraphInterrupt

from twintrack.core.errors import InputError, Unavailable
from twintrack.core.tool_calls import ToolUse, keyed
from twintrack.memory.checkpoint_rows import member
from twintrack.memory.checkpoint_scripts import Script
from twintrack.memory.checkpoint_serializer import CheckpointSerializer
from twintrack.memory.checkpoint_storage import PARTS
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.ledger_rows import digest_of, moment
from twintrack.memory.records import digest
from twintrack.memory.vault import Vault

log = logging.getLogger(__name__)

LEASE_S = 10.0
"""Seconds after which a call whose process died counts as lost."""
WAIT_S = 60.0
"""Seconds to wait for the same call that is under way elsewhere."""
_PAUSE_S = 0.05
_SETTLED_S = 1.0
"""Seconds within which a version that is being written is there."""
_PREVIEW_CHARS = 200
_CLAIM = Script("prelude", "ledger_claim")
_END = Script("prelude", "ledger_end")
_AT = b"%d" % (PARTS.index("ledger") + 1)


class SideEffects:
    """The ledger of every thread; implements `twintrack.core.tool_calls.Ledger`.

    The same call is the same tool with the same arguments for the same user, made at the same version of the thread
    or at one that the thread has since gone back behind. Arguments are kept masked, results sealed for their user.
    """

    def __init__(self, saver: VersionedRedisSaver, vault: Vault, mask: Callable[[str], str]) -> None:
        self._saver = saver
        self._storage = saver.storage
        self._vault = vault
        self._mask = mask
        self._serde: SerializerProtocol = CheckpointSerializer()

    async def once(self, use: ToolUse, run: Callable[[], Awaitable[Any]]) -> Any:
        """Run the call, or return what it brought when it was made before.

        A call that was started and never heard of again is not run: its answer says so.
        """
        kind, *rest = await self._claim(use)
        if kind == b"new":
            with keyed(digest(use.place.thread_id, digest_of(use), rest[1].decode())):
                return await self._run(use, rest[0], run)
        row = json.loads(rest[1])
        log.info("%s was not called again: it was at %s", use.tool, moment(row["started"]))
        if kind == b"done":
            return self._recorded(use, row, rest[2])
        return _unknown(use, row)

    async def _claim(self, use: ToolUse) -> list[bytes]:
        """Return the verdict, once nobody else is at the same call."""
        began, row = time.monotonic(), self._row(use)
        while True:
            waited = time.monotonic() - began
            asked = self._asked(use, row, await self._stem(use), waited)
            found = await self._storage.run_whole(_CLAIM, use.place.thread_id, asked)
            if found[0] not in (b"busy", b"early"):
                return list(found)
            if waited > WAIT_S:
                return [b"unknown", b"", row]
            await asyncio.sleep(_PAUSE_S)

    async def _stem(self, use: ToolUse) -> str:
        """Return the version that this one was forked from: what ran from there is not behind this one."""
        [row] = await self._storage.rows(use.place.thread_id, [member("", use.place.version)])
        if row is None or self._saver.serde.loads_typed(row.metadata).get("source") not in ("fork", "update"):
            return ""
        return row.parent

    def _asked(self, use: ToolUse, row: bytes, stem: str, waited: float) -> list[bytes]:
        who = [use.identity.tenant_id.encode(), use.identity.user_id.encode()]
        what, at, call = digest_of(use).encode(), use.place.version.encode(), use.call_id.encode()
        flags = [stem.encode(), b"1" if use.repeat else b"0", b"1" if waited > _SETTLED_S else b"0", _lease_ms()]
        return [_AT, self._storage.ttl, *who, what, at, call, *flags, row, *(each.encode() for each in use.known)]

    def _row(self, use: ToolUse) -> bytes:
        preview = self._mask(json.dumps(use.arguments, ensure_ascii=False, default=str, sort_keys=True))
        return json.dumps(
            {"tool": use.tool, "agent": use.agent, "preview": preview[:_PREVIEW_CHARS], "started": time.time() * 1000}
        ).encode()

    async def _run(self, use: ToolUse, number: bytes, run: Callable[[], Awaitable[Any]]) -> Any:
        async with self._renewed(use, number):
            try:
                result = await run()
            except (GraphInterrupt, InputError):
                # It waits for a person, or its arguments were refused: nothing was done.
                await self._end(use, number, "")
                raise
            except Exception:
                await self._end(use, number, "unknown")
                raise
        failed = isinstance(result, ToolMessage) and result.status == "error"
        await self._end(use, number, "failed" if failed else "done", b"" if failed else self._sealed(use, result))
        return result

    @asynccontextmanager
    async def _renewed(self, use: ToolUse, number: bytes) -> AsyncIterator[None]:
        """Keep telling that the call is under way."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(LEASE_S / 3)
                await self._end(use, number, "started")

        task = asyncio.create_task(renew())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _end(self, use: ToolUse, number: bytes, state: str, result: bytes = b"") -> None:
        arguments = [_AT, number, state.encode(), result, _lease_ms()]
        try:
            await self._storage.run_whole(_END, use.place.thread_id, arguments)
        except Unavailable as error:
            # The call stays started, so nobody takes it for not made.
            log.warning("How %s ended could not be written down: %s", use.tool, error.problem)

    def _sealed(self, use: ToolUse, result: Any) -> bytes:
        if not isinstance(result, ToolMessage):
            return b""
        said = {"content": result.content, "name": result.name, "artifact": result.artifact}
        try:
            kind, data = self._serde.dumps_typed(said)
        except (TypeError, ValueError):
            kind, data = self._serde.dumps_typed({**said, "artifact": None})
        return self._vault.seal(use.identity, digest_of(use), kind.encode() + b"\n" + data)

    def _recorded(self, use: ToolUse, row: Mapping[str, Any], sealed: bytes) -> ToolMessage:
        plain = self._vault.unseal(use.identity, digest_of(use), sealed) if sealed else None
        if plain is None:
            text = f"{use.tool} was called with these arguments at {moment(row['started'])}; what it said is not kept."
            return _message(use, {"content": text, "name": use.tool}, "success", row)
        kind, data = plain.split(b"\n", 1)
        return _message(use, self._serde.loads_typed((kind.decode(), data)), "success", row)


def _unknown(use: ToolUse, row: Mapping[str, Any]) -> ToolMessage:
    text = (
        f"{use.tool} was called with these arguments at {moment(row['started'])} and never reported back: whether it took "
        "effect is not known, so it was not called again. Find out, or ask for the call to be repeated."
    )
    return _message(use, {"content": text, "name": use.tool}, "error", row)


def _message(use: ToolUse, said: Mapping[str, Any], status: Any, row: Mapping[str, Any]) -> ToolMessage:
    label = {"recorded": {"at": moment(row["started"]), "version": row.get("made_at", "")}}
    return ToolMessage(**said, tool_call_id=use.call_id, status=status, additional_kwargs=label)


def _lease_ms() -> bytes:
    return b"%d" % int(LEASE_S * 1000)
