"""Carries the account of a run that is left, for a person to decide or by a crash, to where the run goes on."""

import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from twintrack.core.context import Identity
from twintrack.core.errors import TwintrackError
from twintrack.core.run_spend import RunSpend
from twintrack.guardrails.accounts import Account

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """Where, and as whose, such an account stays meanwhile."""

    spend: RunSpend
    identity: Identity


class Carried:
    """Keeps one run's account; a run that comes to its end without having been left costs no round trip."""

    def __init__(self, account: Account, kept: Kept | None) -> None:
        self.left = False
        """Whether the run waits for a person."""
        self._account = account
        self._kept = kept
        self._thread = ""
        self._written = False

    @asynccontextmanager
    async def through(self, thread_id: str, *, resumes: bool) -> AsyncIterator[None]:
        """Go on with what the thread's run had spent where it resumes, and keep it where it is left again."""
        if self._kept is None or not thread_id:
            yield
            return
        self._thread = thread_id
        if resumes and (spent := await self._kept.spend.read(self._kept.identity, thread_id)):
            self._account.carry(spent)
            self._written = True
        try:
            yield
        except BaseException:
            await self.keep()
            raise
        if self.left:
            await self.keep()
        elif self._written:
            await self._safely(self._kept.spend.drop(self._kept.identity, thread_id))

    async def keep(self) -> None:
        """Write the account down as it stands: whoever goes on after a crash begins there."""
        if self._kept is not None and self._thread:
            self._written = True
            with self._account.lock:
                spent = self._account.spent()
            await self._safely(self._kept.spend.keep(self._kept.identity, self._thread, spent))

    async def _safely(self, doing: Awaitable[None]) -> None:
        try:
            await doing
        except TwintrackError as error:
            log.warning("What the run has spent was not written down: %s", error.problem)
