"""The application as an embedding program sees it: ask, stream, resume."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.types import Command, Interrupt

from twintrack.app.answer import Answer, Usage, answer_of, unfinished_of
from twintrack.app.decisions import by_interrupt, read_decisions
from twintrack.app.door import let_in
from twintrack.app.erasure import Erased, erase_user
from twintrack.app.lapsed import Lapsed, Settled
from twintrack.app.originals import with_originals
from twintrack.app.parts import Parts
from twintrack.app.run_queue import RunQueue
from twintrack.app.streamed_originals import restored
from twintrack.app.streaming import StreamEvent, events_of
from twintrack.app.turn import Turn, begun, check_words, unknown_thread
from twintrack.core.context import Context, Identity
from twintrack.core.corpus import Corpus
from twintrack.core.errors import InputError, TwintrackError
from twintrack.core.redis_errors import translated
from twintrack.core.tool_calls import Ledger
from twintrack.core.traces import Trace
from twintrack.graphs.traced import TRACE_ID, TracedGraph
from twintrack.guardrails.budget import SpendMeter
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.tiers import Memory
from twintrack.memory.versions import Versions


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One open application; `twintrack.open_app` makes it."""

    graph: TracedGraph
    """The compiled graph, to be embedded as it is."""
    parts: Parts
    versions: Versions
    runs: RunQueue

    @property
    def corpus(self) -> Corpus:
        """Return the documents."""
        return self.parts.resources.corpus

    @property
    def memory(self) -> Memory:
        """Return the three tiers."""
        return self.parts.resources.memory

    @property
    def ledger(self) -> Ledger | None:
        """Return what tools did outside; the `ToolGate` of an agent of your own takes it."""
        return self.parts.resources.ledger

    @property
    def mode(self) -> str:
        """Return, in one line, whether models write or the product quotes."""
        models = self.parts.resources.models
        if models.extractive:
            return "Extractive mode: no model is set, so answers are quoted, not written (TWINTRACK_MODELS__ANSWERER)."
        return "Models: " + ", ".join(f"{role} {name}" for role, name in models.describe().items())

    @property
    def refusals(self) -> tuple[TwintrackError, ...]:
        """Return why providers turn models of the settings away: a wrong name, a refused key; each with its fix."""
        return self.parts.resources.models.refusals

    async def ask(
        self,
        question: str,
        *,
        thread_id: str | None = None,
        user_id: str = "local",
        tenant_id: str = "default",
        **choices: Any,
    ) -> Answer:
        """Answer one question in a conversation; None begins a new one.

        Args:
            question: At most `TWINTRACK_BUDGETS__MAX_QUESTION_CHARS` characters; personal data is masked before it is stored.
            thread_id: The conversation; another user's raises UnknownThread.
            user_id: Whose memories and documents.
            tenant_id: Whose corpus.
            choices: Further fields of `Context`.
        """
        turn = await self._turn(thread_id, tenant_id, user_id, choices)
        message, found = self._let_in(question)
        async with self._cleared(turn, thread_id):
            await self.parts.vault.keep(turn.identity, found)
            return await self._run({"messages": [message]}, turn, found)

    async def resume(
        self,
        thread_id: str,
        decisions: list[dict[str, Any]] | None = None,
        *,
        user_id: str = "local",
        tenant_id: str = "default",
        **choices: Any,
    ) -> Answer:
        """Go on with a turn that did not end, after its last finished step.

        Args:
            thread_id: The conversation.
            decisions: None for a turn that was broken off, by a crash or a stop; for one that waits for approval,
                one decision, `{"type": "approve"}`, per action asked about.
            user_id: Whose conversation.
            tenant_id: The user's tenant.
            choices: Further fields of `Context`.

        Raises:
            UnknownThread: the thread does not exist, or is another user's.
            InputError: nothing waits on the thread, or a decision cannot be used; what waits goes on waiting. Or the
                decisions came too late: then the turn has ended by what `approvals.default` says.
        """
        turn = await self._turn(thread_id, tenant_id, user_id, choices)
        async with self._alone(turn, thread_id):
            waiting = await self._waiting(turn)
            if settled := await self._settle(thread_id, turn):
                return await self._too_late(settled, turn, decisions)
            if decisions is None and not waiting:
                return await self._run(None, turn, {})
            asked = [action for one in waiting for action in one.value["action_requests"]]
            read, found = read_decisions(decisions, asked, self.parts.masker)
            await self.parts.vault.keep(turn.identity, found)
            return await self._run(Command(resume=by_interrupt(waiting, read)), turn, found)

    async def stream(
        self,
        question: str,
        *,
        thread_id: str | None = None,
        user_id: str = "local",
        tenant_id: str = "default",
        **choices: Any,
    ) -> AsyncIterator[StreamEvent]:
        """Answer like `ask`, and tell of each step and token on the way; the last event holds the Answer."""
        turn = await self._turn(thread_id, tenant_id, user_id, choices)
        message, found = self._let_in(question)
        started = time.monotonic()
        final: dict[str, Any] = {}
        async with self._cleared(turn, thread_id), self._ended(turn), translated():
            await self.parts.vault.keep(turn.identity, found)
            run = self.graph.astream(
                {"messages": [message]},
                turn.config,
                context=turn.context,
                stream_mode=["tasks", "messages", "values"],
                subgraphs=True,
            )
            async for event in restored(events_of(run, final), found, self.parts.vault, turn.identity):
                yield event
            answer = await self._answer(final, turn, found, started)
        yield StreamEvent("answer", answer=answer)

    async def unfinished(self, thread_id: str, *, user_id: str = "local", tenant_id: str = "default") -> Answer | None:
        """Return where the thread's last turn stands, if it did not end: what it asks a person, or nothing where it was broken off.

        `resume` finishes it. A thread that does not exist, or is another user's, has none.
        """
        turn = await self._turn(thread_id, tenant_id, user_id, {})
        try:
            waiting = await self._waiting(turn)
        except InputError:
            return None
        return await self._told(unfinished_of(waiting), turn, {}, time.monotonic())

    async def settle_lapsed(self) -> list[tuple[Identity, str]]:
        """End every turn, of whomever, that has waited too long for a person; return whose and on which threads."""
        return await self._lapsed.sweep()

    async def erase(self, user_id: str, *, tenant_id: str = "default") -> Erased:
        """Delete all that is kept of a user: conversations, memory, traces, own documents; return how much it was."""
        return await erase_user(self.parts, self.versions, Identity(tenant_id, user_id))

    async def trace(self, answer: Answer, *, user_id: str = "local", tenant_id: str = "default") -> Trace | None:
        """Return the trace of a turn, where traces are kept in Redis."""
        await asyncio.to_thread(self.parts.tracer.flush)
        store = self.parts.tracer.store
        async with translated():
            return await store.get(answer.trace_id, Identity(tenant_id, user_id)) if store else None

    def _let_in(self, question: str) -> tuple[HumanMessage, dict[str, str]]:
        return let_in(question, self.parts.resources.policy, self.parts.masker)

    async def _settle(self, thread_id: str | None, turn: Turn) -> Settled | None:
        """Apply the default to what has waited too long on the thread, at the cost of a turn of its own."""
        if thread_id is None or not await self._waits(thread_id, turn):
            return None
        return await self._lapsed.settle(thread_id, turn.context)

    async def _too_late(self, settled: Settled, turn: Turn, decisions: Any) -> Answer:
        if decisions is None or "__interrupt__" in settled.state:
            return await self._answer(settled.state, turn, {}, time.monotonic())
        raise InputError(
            f"The decisions came too late: the time was over at {settled.since}, and the default held.",
            fix="ask again, or see the setting approvals.timeout_seconds",
        )

    def _alone(self, turn: Turn, thread_id: str | None) -> AbstractAsyncContextManager[None]:
        return self.runs.alone(self.graph.checkpointer, thread_id, turn.identity)

    @asynccontextmanager
    async def _cleared(self, turn: Turn, thread_id: str | None) -> AsyncIterator[None]:
        """Hold the thread, with what had waited on it too long ended; looking for that takes no time of its own."""
        waits = asyncio.ensure_future(self._waits(thread_id, turn))
        try:
            async with self._alone(turn, thread_id):
                if await waits:
                    await self._settle(thread_id, turn)
                yield
        finally:
            waits.cancel()

    async def _waits(self, thread_id: str | None, turn: Turn) -> bool:
        return thread_id is not None and await self._lapsed.waits(turn.identity, thread_id)

    @property
    def _lapsed(self) -> Lapsed:
        return Lapsed(self.graph, self.parts, self.runs)

    @asynccontextmanager
    async def _ended(self, turn: Turn) -> AsyncIterator[None]:
        """Let go of equal questions that wait for this run when it is over, however it ended."""
        try:
            yield
        finally:
            if reuse := self.parts.resources.reuse:
                reuse.leave(turn.thread_id)

    async def _run(self, request: Any, turn: Turn, found: dict[str, str]) -> Answer:
        started = time.monotonic()
        async with self._ended(turn), translated():
            state = await self.graph.ainvoke(request, turn.config, context=turn.context)
        return await self._answer(state, turn, found, started)

    async def _answer(self, state: dict[str, Any], turn: Turn, found: dict[str, str], started: float) -> Answer:
        return await self._told(answer_of(state), turn, found, started)

    async def _told(self, fields: dict[str, Any], turn: Turn, found: dict[str, str], started: float) -> Answer:
        shown = await with_originals(fields, found, self.parts.vault, turn.identity)
        usage = Usage(**{**turn.meter.usage(), **_times(turn.meter, started)})
        version, trace_id = await self._head(turn)
        return Answer(**shown, usage=usage, version=version, thread_id=turn.thread_id, trace_id=trace_id)

    async def _head(self, turn: Turn) -> tuple[str, str]:
        """Return the thread's newest version and the trace it came from; ours knows what it has just written."""
        saver, thread_id = self.graph.checkpointer, turn.thread_id
        if isinstance(saver, VersionedRedisSaver) and (version := saver.storage.heads.of(thread_id)):
            return version, turn.meter.trace_id
        if not isinstance(saver, BaseCheckpointSaver):
            return "", ""
        async with translated():
            found = await saver.aget_tuple({"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}})
        if found is None:
            return "", ""
        metadata: dict[str, Any] = {**found.metadata}
        return str(found.checkpoint["id"]), str(metadata.get(TRACE_ID, ""))

    async def _waiting(self, turn: Turn) -> tuple[Interrupt, ...]:
        """Return what waits for decisions on the turn's thread; nothing where its last turn was broken off."""
        where = {"thread_id": turn.thread_id, **turn.identity.in_config()}
        async with translated():
            state = await self.graph.aget_state({"configurable": where})
        if state.created_at is None:
            raise unknown_thread(turn.thread_id)
        if not state.next:
            raise InputError(f"Nothing waits on thread {turn.thread_id!r}.", fix="ask it a question instead")
        return state.interrupts

    async def _turn(self, thread_id: str | None, tenant_id: str, user_id: str, choices: dict[str, Any]) -> Turn:
        check_words(tenant_id, user_id, choices)
        context = Context(tenant_id=tenant_id, user_id=user_id, **choices)
        return begun(thread_id or uuid.uuid4().hex, context, self.parts.meters)


def _times(meter: SpendMeter, started: float) -> dict[str, float]:
    """Return when the answer's first and last words were out, where they were, and when the turn ended."""
    words = dict(zip(("first_token_seconds", "last_token_seconds"), meter.words_out or (), strict=False))
    return {name: round(at - started, 4) for name, at in {**words, "seconds": time.monotonic()}.items()}
