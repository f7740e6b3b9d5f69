"""Gives what an agent found for an equal task again, where its row says so; broken, this only ever costs the saving."""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import get_runtime

from twintrack.core.answer_cache import CACHE_BROKEN
from twintrack.core.context import Context, Identity, identity_of
from twintrack.core.passages import Citation
from twintrack.core.task_results import EqualTask, KeptResult, TaskResults
from twintrack.guardrails.run_meter import meter_of
from twintrack.guardrails.task_tools import task_tools
from twintrack.nodes.prompts import chosen_locale
from twintrack.nodes.reusable import unfit_words
from twintrack.nodes.reuse import NOBODY, PATIENCE_S, CitedCorpus, or_else, resolve
from twintrack.nodes.state import NOTHING_RECALLED, Assignment
from twintrack.nodes.work import Agent, Finding

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenAgain:
    """An agent whose equal tasks are done once; of those at the same time, in whatever process, one is done."""

    agent: Agent
    name: str
    row: str
    """Version of its row: what it is told, and the tools it has."""
    seconds: float
    """How long a result may be given again."""
    shared: bool
    """Whether a result that rests on nothing of one user's own may be given to everyone in the tenant."""
    corpus: CitedCorpus | None
    """What it reads; None where it reads no documents."""
    results: TaskResults

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        """Return the kept result, or do the task, without what is remembered of the user, and keep what is whole."""
        assignment = Assignment(**{**assignment, "recalled": NOTHING_RECALLED})
        task = await or_else(None, self._task(assignment, config))
        if task is None:
            return await self.agent(assignment, config)
        kept, leads = await self._begun(task)
        if kept is not None:
            saved = {"task_saved_ms": kept["took_ms"], "task_saved_tokens": kept["tokens"]}
            await or_else(None, self.results.count(task.identity, task_hits=1, **saved))
            return _given_again(kept)
        try:
            return await self._done(task, assignment, config)
        finally:
            if leads:
                await or_else(None, self.results.flights.land(task.flight))

    async def _begun(self, task: EqualTask) -> tuple[KeptResult | None, bool]:
        """Return what is kept, and whether to do the work for all who wait; where another does it, wait for that."""
        flights, wait_s = self.results.flights, self.results.wait_s
        try:
            async with asyncio.timeout(PATIENCE_S):
                if (kept := await self.results.look(task)) is not None:
                    return kept, False
                if await flights.take_off(task.flight, seconds=wait_s):
                    return None, True
            return await flights.wait(task.flight, lambda: self.results.look(task), seconds=wait_s)
        except CACHE_BROKEN as error:
            log.warning("Did a task without looking for its result: %s", error)
            return None, False

    async def _done(self, task: EqualTask, assignment: Assignment, config: RunnableConfig) -> Finding:
        began = time.time()
        found = await self.agent(assignment, config)
        await or_else(None, self.results.count(task.identity, task_misses=1))
        if _fit(found, config):
            await or_else(None, self._keep(task, found, began, assignment, config))
        return found

    async def _keep(
        self, task: EqualTask, found: Finding, began: float, assignment: Assignment, config: RunnableConfig
    ) -> None:
        if await self._task(assignment, config) != task:
            return  # the corpus changed meanwhile
        now = time.time()
        kept = KeptResult(
            agent=self.name,
            task=assignment["step"]["task"],
            text=found.text,
            citations=[{**citation} for citation in found.citations],
            took_ms=round((now - began) * 1000),
            tokens=found.tokens,
            created_at=now,
        )
        shared = not task.personal and await self._resolve(found.citations, Identity(task.identity.tenant_id, NOBODY))
        thread_id = str((config.get("configurable") or {}).get("thread_id", ""))
        await self.results.keep(task, kept, shared=shared, seconds=self.seconds, thread_id=thread_id)

    async def _resolve(self, citations: list[Citation], identity: Identity) -> bool:
        return not citations or (self.corpus is not None and await resolve(self.corpus, citations, identity))

    async def _task(self, assignment: Assignment, config: RunnableConfig) -> EqualTask | None:
        """Return what the task is equal to others by; None where its result is for this moment or person alone."""
        step, inputs = assignment["step"], [[one["task"], one["text"]] for one in assignment["inputs"]]
        if any(unfit_words(text) for text in (step["task"], *(text for one in inputs for text in one))):
            return None
        runtime = get_runtime(Context)
        identity, tools = identity_of(runtime), task_tools(runtime.context, config)
        parts = {
            "agent": (self.name, self.row, self.results.made_with),
            "corpus": await self.corpus.version(identity=identity) if self.corpus else "",
            "language": chosen_locale(),
            "task": (step["task"], inputs),
            "tools": (sorted(map(sorted, tools.lists)), sorted(tools.forbidden)),
        }
        return EqualTask.of(identity, parts, personal=not self.shared)


def _fit(found: Finding, config: RunnableConfig) -> bool:
    """Tell whether a finding is all that the agent could find, and so may be given to whoever asks the same."""
    whole = found.answered and found.whole and found.text and found.hand_over is None
    meter = meter_of(config)
    stopped = meter is None or bool(meter.stopped)
    return bool(whole) and not (found.lacks or found.degraded or stopped or unfit_words(found.text))


def _given_again(kept: KeptResult) -> Finding:
    citations: Any = kept["citations"]
    return Finding(kept["text"], citations, messages=0, again=True)
