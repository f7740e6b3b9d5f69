"""Meters one run: every model and tool call is counted before it starts, over all branches, and settled when it ends."""
# Constants stand for the parent's properties.
# pyright: reportIncompatibleMethodOverride=false, reportAssignmentType=false

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult
from langgraph.callbacks import GraphCallbackHandler, GraphInterruptEvent

from twintrack.core.attempts import hear_attempts
from twintrack.core.chained_model import ANSWERED_BY, INSTEAD_OF
from twintrack.core.context import Identity
from twintrack.core.errors import BudgetExceeded, ModelUnavailable
from twintrack.core.prices import Price, Prices, price_of
from twintrack.core.shared_spend import Amount, SharedSpend, Window
from twintrack.guardrails.accounts import Account, Limits, holder
from twintrack.guardrails.carried import Carried, Kept
from twintrack.guardrails.loops import LoopLimits, Loops
from twintrack.guardrails.model_call import ModelCall
from twintrack.guardrails.one_handler import OneHandler
from twintrack.guardrails.spent import Usage, canonical, metadata_of, tokens_of

__all__ = ["Limits", "SpendMeter", "Usage"]

CHARS_PER_TOKEN = 3


@dataclass(frozen=True, slots=True)
class Shared:
    """Whose window a run also spends from."""

    spend: SharedSpend
    identity: Identity


@dataclass(slots=True)
class _Notes:
    """What is said of a run beside its sums."""

    stopped: str = ""
    words_out: tuple[float, float] | None = None
    unpriced: dict[str, None] = field(default_factory=dict)
    instead: dict[str, None] = field(default_factory=dict)


class SpendMeter(OneHandler, GraphCallbackHandler):
    """The meter of one run; put it among the run's callbacks.

    It is not run inline unless it stands for the others: langchain-core then awaits them even when this one raises.
    """

    raise_error = True
    run_inline = False
    ignore_chain = ignore_retriever = ignore_custom_event = True
    trace_id = ""
    """Trace of the run; empty where it has none."""

    def __init__(
        self,
        limits: Limits,
        *,
        clock: Callable[[], float] = time.monotonic,
        prices: Prices | None = None,
        shared: Shared | None = None,
        kept: Kept | None = None,
        max_depth: int = 3,
        closing_share: float = 0.1,
        loops: LoopLimits | None = None,
    ) -> None:
        self.account = Account(limits, clock=clock)
        self.max_depth = max_depth
        self.closing_share = closing_share
        self.carried = Carried(self.account, kept)
        self._prices = prices or {}
        self._shared = shared
        self._under_way: dict[UUID, ModelCall] = {}
        self._notes = _Notes()
        self._loops = Loops(loops) if loops else None
        self._tools: dict[UUID, tuple[int, str, str]] = {}

    def on_interrupt(self, event: GraphInterruptEvent) -> None:
        """Note that the run will be left for a person to decide."""
        del event
        self.carried.left = True

    @property
    def stopped(self) -> str:
        """Return which limit was reached first; empty while none was."""
        return self._notes.stopped

    @property
    def words_out(self) -> tuple[float, float] | None:
        """Return when the first and the last words of the answer were out, on the monotonic clock; None before that."""
        return self._notes.words_out

    def speak(self) -> None:
        """Note that words of the answer are out now."""
        now, before = time.monotonic(), self._notes.words_out
        self._notes.words_out = (before[0] if before else now, now)

    def labels(self) -> list[str]:
        """Return what must be said of the run: the limit it ran into, and models that took over from others.

        Its time may be over though nothing was begun that could have been refused.
        """
        try:
            self.account.refuse_late()
        except BudgetExceeded as error:
            self.stop(error.problem)
        stopped = [f"finished with what there was: {self.stopped}"] if self.stopped else []
        return [*stopped, *self._notes.instead]

    def usage(self) -> Usage:
        """Return what has been spent so far."""
        account = self.account
        with account.lock:
            usage = Usage(
                model_calls=account.calls["model_calls"],
                tool_calls=account.calls["tool_calls"],
                input_tokens=account.read,
                output_tokens=account.written,
                seconds=round(account.seconds, 3),
            )
            if self._prices:
                usage["cost"] = round(account.cost, 6)
                usage["unpriced"] = [*self._notes.unpriced]
        return usage

    def take(self, what: str, count: int = 1) -> None:
        """Count a call that is about to start.

        Raises:
            BudgetExceeded: the call would pass a limit; it is not counted.
        """
        self._take(what, count)

    def _take(self, what: str, count: int, tokens: int = 0, cost: float = 0.0) -> Account:
        account = holder(self.account)
        try:
            account.take(what, count, tokens=tokens, cost=cost)
        except BudgetExceeded as error:
            self.stop(error.problem)
            raise
        return account

    def spent(self) -> bool:
        """Tell whether the run has come to a limit, so that no new work is begun; the limit is noted."""
        account = self.account
        try:
            with account.lock:
                account.refuse("model_calls", min(1, account.calls["model_calls"]))
        except BudgetExceeded as error:
            self.stop(error.problem)
        return bool(self.stopped)

    def stop(self, why: str) -> None:
        """Note that a limit was reached; the first one counts."""
        self._notes.stopped = self._notes.stopped or why

    async def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], *, run_id: UUID, **more: Any
    ) -> Any:
        """Count each prompt as one call."""
        self.tell("on_chat_model_start", serialized, messages, run_id=run_id, **more)
        length = sum(len(message.content) for prompt in messages for message in prompt)
        await self._begin(len(messages), length, run_id, more.get("metadata") or {})

    async def on_llm_start(self, serialized: dict[str, Any], prompts: list[str], *, run_id: UUID, **more: Any) -> None:
        """Count each prompt as one call."""
        self.tell("on_llm_start", serialized, prompts, run_id=run_id, **more)
        await self._begin(len(prompts), sum(map(len, prompts)), run_id, more.get("metadata") or {})

    async def _begin(self, prompts: int, length: int, run_id: UUID, metadata: Mapping[str, Any]) -> None:
        model = f"{metadata.get('ls_provider', '')}:{metadata.get('ls_model_name', '')}"
        call = ModelCall(prompts, length // CHARS_PER_TOKEN, model, self._price(model), self.account)
        await self._admit(call, run_id)
        hear_attempts(partial(self._attempt, run_id))

    async def _admit(self, call: ModelCall, run_id: UUID) -> None:
        call.account = self._take("model_calls", call.prompts, call.tokens, call.cost)
        if self._shared is not None:
            amount = Amount(model_calls=call.prompts, tokens=call.tokens, cost=call.cost)
            call.window = await self._reserve(amount, call.account)
        self._under_way[run_id] = call

    def _price(self, model: str) -> Price | None:
        return price_of(self._prices, *model.partition(":")[::2]) if self._prices else None

    async def _attempt(self, run_id: UUID, model: str) -> None:
        """Count each further attempt of a call as a call of its own; what failed has read its prompt."""
        if (call := self._under_way.get(run_id)) is None:
            return
        if call.attempts:
            await self._settle(run_id, call.read, 0)
            call.model, call.price = model, self._price(model)
            await self._admit(call, run_id)
        call.attempts += 1

    async def _reserve(self, amount: Amount, account: Account) -> Window | None:
        if self._shared is None:
            return None
        try:
            return await self._shared.spend.reserve(self._shared.identity, amount)
        except BaseException as error:
            what = "model_calls" if amount.model_calls else "tool_calls"
            account.give_back(what, max(amount[:2]), tokens=amount.tokens, cost=amount.cost)
            if isinstance(error, BudgetExceeded):
                self.stop(error.problem)
            raise

    async def on_tool_start(self, serialized: dict[str, Any], input_str: str, *, run_id: UUID, **more: Any) -> None:
        """Count the tool call, unless it goes in circles."""
        self.tell("on_tool_start", serialized, input_str, run_id=run_id, **more)
        self._watch(str((serialized or {}).get("name", "tool")), more.get("inputs") or input_str, run_id)
        account = self._take("tool_calls", 1)
        if self._shared is not None:
            await self._reserve(Amount(tool_calls=1), account)

    def _watch(self, name: str, arguments: Any, run_id: UUID) -> None:
        if self._loops is None:
            return
        call = (id(holder(self.account)), name, canonical(arguments))
        if why := self._loops.refusal(*call):
            self.stop(why)
            raise BudgetExceeded(why, fix="Ask another way, or raise the loop limits in budgets.")
        self._tools[run_id] = call

    async def on_tool_end(self, output: Any, *, run_id: UUID, **more: Any) -> None:
        """Note what came back: calls that change nothing lead nowhere."""
        self.tell("on_tool_end", output, run_id=run_id, **more)
        if self._loops is not None and (call := self._tools.pop(run_id, None)):
            self._loops.came_back(*call, hash(str(getattr(output, "content", output))))

    async def on_tool_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        """Note the failure, which may be the same each time too."""
        self.tell("on_tool_error", error, run_id=run_id, **more)
        if self._loops is not None and (call := self._tools.pop(run_id, None)):
            self._loops.came_back(*call, hash(type(error)))

    async def on_llm_end(self, response: LLMResult, *, run_id: UUID, **more: Any) -> None:
        """Put the tokens that the provider counted in the place of the guess."""
        self.tell("on_llm_end", response, run_id=run_id, **more)
        said = metadata_of(response)
        if instead_of := said.get(INSTEAD_OF):
            self._notes.instead[f"{said[ANSWERED_BY]} took over: {instead_of}"] = None
        await self._settle(run_id, *tokens_of(response), said.get(ANSWERED_BY, ""))

    async def on_llm_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        """Put what was read in the place of the guess, as nobody tells; a model that was not asked has read nothing."""
        self.tell("on_llm_error", error, run_id=run_id, **more)
        call = self._under_way.get(run_id)
        asked = call is not None and (call.attempts > 0 or not isinstance(error, ModelUnavailable))
        await self._settle(run_id, call.read if call and asked else 0, 0)

    async def _settle(self, run_id: UUID, read: int, written: int, by: str = "") -> None:
        if (call := self._under_way.pop(run_id, None)) is None:
            return
        price = self._price(by) if by else call.price
        cost = price.of(read, written) if price else 0.0
        call.account.settle(read, written, cost, tokens=call.tokens, guessed_cost=call.cost)
        if self._prices and price is None:
            self._notes.unpriced[by or call.model] = None
        if self._shared is not None and call.window is not None:
            more = Amount(tokens=read + written - call.tokens, cost=cost - call.cost)
            await self._shared.spend.settle(call.window, more)
