"""Lets one callback handler stand for several: each more that is not run inline costs a task for every event."""
# ruff: noqa: D102 - the events are their base class's

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler

log = logging.getLogger(__name__)


class OneHandler(AsyncCallbackHandler):
    """Passes each event on to listeners, which run inline and do nothing but note; on its own it ignores the rest.

    What it only passes on is heard inline or not at all, so it needs no coroutine.
    """

    of_one_run = False
    """Whether it was made for one run, so that what it hears is of that run alone."""
    _listeners: Sequence[BaseCallbackHandler] = ()

    def stand_for(self, listeners: Sequence[BaseCallbackHandler]) -> None:
        """Run inline from now on, in the place of these handlers too.

        Only in one run, and where nobody else listens: a call that is stopped here is told to listeners, but not to other handlers.
        """
        self._listeners = listeners
        names = ("run_inline", "traces_run", "ignore_chain", "ignore_retriever")
        vars(self).update(zip(names, (True, True, False, False), strict=True))

    def tell(self, event: str, *given: Any, **details: Any) -> None:
        """Pass an event on; a listener that fails is logged, as langchain-core does."""
        for listener in self._listeners:
            try:
                getattr(listener, event)(*given, **details)
            except Exception as error:  # noqa: BLE001 (declared boundary: who listens never breaks a run)
                log.warning("Error in %s.%s: %r", type(listener).__name__, event, error)

    def on_chain_start(self, *given: Any, run_id: UUID, **details: Any) -> Any:
        self.tell("on_chain_start", *given, run_id=run_id, **details)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **details: Any) -> Any:
        self.tell("on_chain_end", outputs, run_id=run_id, **details)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **details: Any) -> Any:
        self.tell("on_chain_error", error, run_id=run_id, **details)

    def on_retriever_start(self, *given: Any, run_id: UUID, **details: Any) -> Any:
        self.tell("on_retriever_start", *given, run_id=run_id, **details)

    def on_retriever_end(self, documents: Any, *, run_id: UUID, **details: Any) -> Any:
        self.tell("on_retriever_end", documents, run_id=run_id, **details)

    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **details: Any) -> Any:
        self.tell("on_retriever_error", error, run_id=run_id, **details)
