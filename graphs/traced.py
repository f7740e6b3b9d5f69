"""A compiled graph that traces itself, in whatever way it is run."""
# Constants stand for the parent's properties in `_Outermost`.
# pyright: reportIncompatibleMethodOverride=false, reportAssignmentType=false

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from functools import partial
from typing import Any, cast
from uuid import uuid4

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, StateSnapshot

from twintrack.core.context import Identity
from twintrack.core.errors import UnknownVersion
from twintrack.core.step_recorder import StepRecorder
from twintrack.core.tracing import Tracer, Turn, TurnInfo, trace_id_of
from twintrack.graphs.outcome import outcome_of
from twintrack.graphs.run_owner import identity_in, labels_in, owner_in
from twintrack.graphs.thread_care import ThreadCare
from twintrack.guardrails.budget import SpendMeter
from twintrack.guardrails.run_meter import meter_of

TRACE_ID = "twintrack_trace_id"
"""Key of a run's config metadata, hence of every checkpoint it writes."""
_LISTENING = frozenset({"messages", "tools"})
"""Ways to stream for which LangGraph adds handlers of its own."""

RunHandlers = Callable[[Sequence[Any], Any, Identity], Sequence[BaseCallbackHandler]]
"""From the handlers a run has already, its context and who runs it, to further ones."""


class TracedGraph(CompiledStateGraph[Any, Any, Any, Any]):
    """Opens one observation around each outermost run; copies of it do so too."""

    def __init__(
        self, *, tracer: Tracer, run_handlers: RunHandlers | None = None, care: ThreadCare | None = None, **fields: Any
    ) -> None:
        super().__init__(**fields)
        self.tracer = tracer
        self.run_handlers = run_handlers
        self.care = care or ThreadCare()
        for name in ("_output_mapper", "_state_mapper", "_serde_allowlist"):
            if name in fields:
                setattr(self, name, fields[name])

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, *, context: Any = None, **options: Any
    ) -> AsyncGenerator[Any]:
        """Stream the run, traced where it is the outermost one."""
        account: AbstractAsyncContextManager[None] = nullcontext()
        if _is_inside(config):
            inner: Any = super().astream(input, config, context=context, **options)
        else:
            await self._check_version(config)
            turn = await self._begin(input, config, context)
            config = self._config(config, context, turn)
            _join_handlers(config, self.config, options.get("stream_mode") or self.stream_mode)
            inner = self._outermost(turn, config, super().astream(input, config, context=context, **options))
            account = self._account(input, config)
        async with account, aclosing(inner) as chunks:
            async for chunk in chunks:
                yield chunk

    async def abulk_update_state(self, config: RunnableConfig, supersteps: Sequence[Sequence[Any]]) -> RunnableConfig:
        """Write into the thread, from a version that is there."""
        await self._check_version(config)
        return await super().abulk_update_state(config, supersteps)

    async def aget_state(self, config: RunnableConfig, *, subgraphs: bool = False) -> StateSnapshot:
        """Return the state of the newest version, or of the one named, which has to be there."""
        state = await super().aget_state(config, subgraphs=subgraphs)
        where = _configurable(self.config, config)
        if where.get("checkpoint_id") and state.created_at is None:
            raise _unknown_version(where)
        return state

    async def atrace_id(self, config: RunnableConfig) -> str | None:
        """Return the trace id of the thread's latest run."""
        return _trace_id(await self._latest(config))

    def _outermost(self, turn: Turn | None, config: RunnableConfig | None, run: Any) -> Any:
        """Return the run, with its thread looked after and its trace closed."""
        note: dict[str, str] = {}
        if self.care.needed:
            where = _configurable(self.config, config)
            saver = where.get("__pregel_checkpointer") or self.checkpointer
            there: dict[str, Any] = {
                name: where[name] for name in ("thread_id", "__pregel_checkpointer") if name in where
            }
            history = partial(self.aget_state_history, {"configurable": there})
            run = self.care.around(run, saver, {**(config or {}), "configurable": where}, history, note)
        return _within(turn, _timed(run, meter_of(config or {}), note), note) if turn else run

    def _account(self, input: Any, config: RunnableConfig | None) -> AbstractAsyncContextManager[None]:
        """Return what lets the run's account go on where the run does."""
        meter, thread_id = meter_of(config or {}), _configurable(self.config, config).get("thread_id")
        if meter is None or not thread_id:
            return nullcontext()
        resumes = input is None or (isinstance(input, Command) and input.resume is not None)
        return meter.carried.through(str(thread_id), resumes=resumes)

    async def _begin(self, input: Any, config: RunnableConfig | None, context: Any) -> Turn | None:
        if not self.tracer.enabled:
            return None
        return await self.tracer.begin(await self._info(input, config, context), input)

    def _config(self, config: RunnableConfig | None, context: Any, turn: Turn | None) -> RunnableConfig | None:
        configurable = _configurable(self.config, config)
        metadata: dict[str, Any] = owner_in(configurable, context) | self.care.mark
        handlers: list[BaseCallbackHandler] = []
        if self.run_handlers:
            handlers += self.run_handlers(_present(self.config, config), context, identity_in(configurable, context))
        if turn:
            handlers += turn.handlers
            metadata[TRACE_ID] = turn.trace_id
            _tell_meters((*_present(config), *handlers), turn.trace_id)
        elif handlers or self.care.needed:
            handlers.append(_Outermost())
        given: RunnableConfig = {**config} if config else {}
        if (given.get("configurable") or {}).get("checkpoint_id"):
            # The caller said where to go on from: no other run has come between.
            given["configurable"] = {**given["configurable"], "allow_fork": True}
        most = (self.config or {}).get("recursion_limit")
        if most is not None and given.get("recursion_limit", 0) > most:
            # LangGraph's server sends its own default, of ten thousand, with each run; a caller may ask for fewer.
            given["recursion_limit"] = most
        if handlers:
            given["callbacks"] = _with_handlers(given.get("callbacks"), handlers)
        if metadata:
            given["metadata"] = {**given.get("metadata", {}), **metadata}
        return given or config

    async def _info(self, input: Any, config: RunnableConfig | None, context: Any) -> TurnInfo:
        given = config or {}
        configurable = _configurable(self.config, config)
        thread_id = str(configurable.get("thread_id") or given.get("run_id") or uuid4())
        run_id = str(configurable.get("run_id") or given.get("run_id") or uuid4())
        known = await self._trace_to_continue(input, given, configurable)
        return TurnInfo(
            name=given.get("run_name") or self.get_name(),
            thread_id=thread_id,
            identity=identity_in(configurable, context),
            trace_id=known or trace_id_of(thread_id, run_id),
            resumes=known is not None,
            tags=given.get("tags") or (),
            metadata=labels_in(context),
        )

    async def _trace_to_continue(
        self, input: Any, config: Mapping[str, Any], configurable: Mapping[str, Any]
    ) -> str | None:
        answers = isinstance(input, Command) and input.resume is not None
        if not answers and (input is not None or configurable.get("checkpoint_id")):
            return None
        found = await self._latest(cast(RunnableConfig, config))
        if found is None or (not answers and found.metadata.get("source") == "update"):
            return None
        return _trace_id(found)

    async def _check_version(self, config: RunnableConfig | None) -> None:
        """Refuse a version that is not there: LangGraph would begin anew, and the thread's state would be gone."""
        where = _configurable(self.config, config)
        if where.get("checkpoint_id") and await self._latest(cast(RunnableConfig, config)) is None:
            raise _unknown_version(where)

    async def _latest(self, config: RunnableConfig) -> CheckpointTuple | None:
        configurable = _configurable(self.config, config)
        saver = configurable.get("__pregel_checkpointer") or self.checkpointer
        if not isinstance(saver, BaseCheckpointSaver) or not configurable.get("thread_id"):
            return None
        return await saver.aget_tuple({"configurable": {"checkpoint_ns": "", **configurable}})


def traced(
    compiled: CompiledStateGraph[Any, Any, Any, Any],
    tracer: Tracer,
    *,
    run_handlers: RunHandlers | None = None,
    care: ThreadCare | None = None,
) -> TracedGraph:
    """Return the same graph, traced.

    Args:
        compiled: The graph.
        tracer: Where traces go.
        run_handlers: Makes further callback handlers, fresh for each outermost run.
        care: What becomes of a thread after such a run.
    """
    fields = {name: value for name, value in vars(compiled).items() if name != "__orig_class__"}
    return TracedGraph(**{**fields, "tracer": tracer, "run_handlers": run_handlers, "care": care})


def _unknown_version(where: Mapping[str, Any]) -> UnknownVersion:
    fix = "use an id that its list shows"
    return UnknownVersion.of(where.get("thread_id"), where["checkpoint_id"], fix=fix)


async def _within(turn: Turn, inner: Any, note: Mapping[str, str]) -> AsyncGenerator[Any]:
    """Run each piece of `inner` inside the turn's observation and close it with what came of it."""
    try:
        async with aclosing(inner):
            while True:
                turn.enter()
                try:
                    chunk = await anext(inner)
                except StopAsyncIteration:
                    break
                finally:
                    turn.leave()
                yield chunk
    except GeneratorExit:
        turn.stop("The caller stopped reading.")
        raise
    except BaseException as error:
        turn.fail(error, note)
        raise
    turn.end({**outcome_of(turn), **note})


async def _timed(run: Any, meter: SpendMeter | None, note: dict[str, str]) -> AsyncGenerator[Any]:
    """Run, and note in milliseconds when the answer's first and last words were out."""
    began = time.monotonic()
    async with aclosing(run):
        async for chunk in run:
            yield chunk
    for name, moment in zip(("first_token_ms", "last_token_ms"), (meter and meter.words_out) or (), strict=False):
        note[name] = str(round((moment - began) * 1000))


def _with_handlers(callbacks: Any, handlers: list[BaseCallbackHandler]) -> Any:
    if not isinstance(callbacks, BaseCallbackManager):
        return [*(callbacks or ()), *handlers]
    manager = callbacks.copy()
    for handler in handlers:
        manager.add_handler(handler, inherit=True)
    return manager


def _tell_meters(handlers: Sequence[Any], trace_id: str) -> None:
    """Let whoever holds a meter of the run know its trace."""
    for meter in handlers:
        if isinstance(meter, SpendMeter):
            meter.trace_id = trace_id


def _join_handlers(config: RunnableConfig | None, bound: RunnableConfig | None, stream_mode: Any) -> None:
    """Let the meter stand for the notes of the trace where they are the run's only handlers."""
    around = [(given or {}).get("callbacks") for given in (bound, var_child_runnable_config.get())]
    given = (config or {}).get("callbacks")
    modes = [stream_mode] if isinstance(stream_mode, str) else stream_mode
    if any(around) or not isinstance(given, list) or not _LISTENING.isdisjoint(modes):
        return
    meters = [handler for handler in given if isinstance(handler, SpendMeter) and handler.of_one_run]
    notes = [handler for handler in given if isinstance(handler, StepRecorder)]
    if len(meters) == 1 and notes and len(given) == 1 + len(notes):
        meters[0].stand_for(notes)
        given[:] = meters


class _Outermost(BaseCallbackHandler):
    """Tells graphs inside an untraced run that they are inside one."""

    ignore_chain = ignore_agent = ignore_llm = ignore_chat_model = ignore_retriever = ignore_retry = True
    ignore_custom_event = True
    traces_run = True


def _is_inside(config: RunnableConfig | None) -> bool:
    return any(getattr(handler, "traces_run", False) for handler in _present(config))


def _present(*configs: Mapping[str, Any] | None) -> list[Any]:
    """Return the handlers of these configs and of the run around this code."""
    around = (var_child_runnable_config.get(), *configs)
    return [handler for given in around for handler in _handlers((given or {}).get("callbacks"))]


def _trace_id(found: CheckpointTuple | None) -> str | None:
    value: Any = found.metadata.get(TRACE_ID) if found else None
    return str(value) if value else None


def _handlers(callbacks: Any) -> Sequence[Any]:
    return callbacks.handlers if isinstance(callbacks, BaseCallbackManager) else callbacks or ()


def _configurable(*configs: Mapping[str, Any] | None) -> dict[str, Any]:
    around = var_child_runnable_config.get()
    found: dict[str, Any] = {}
    for config in (around, *configs):
        found |= (config or {}).get("configurable") or {}
    return found
