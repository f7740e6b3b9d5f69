"""Makes the meter of each run, with the limits that the settings and the caller set."""

from collections.abc import Mapping, Sequence
from typing import Any

from twintrack.core.context import Context, Identity
from twintrack.core.run_spend import RunSpend
from twintrack.core.settings import BudgetSettings
from twintrack.core.shared_spend import SharedSpend
from twintrack.guardrails.accounts import Limits
from twintrack.guardrails.budget import Shared, SpendMeter
from twintrack.guardrails.carried import Kept
from twintrack.guardrails.loops import LoopLimits


class Meters:
    """Makes the meter of each run."""

    def __init__(
        self, budgets: BudgetSettings, shared: SharedSpend | None = None, kept: RunSpend | None = None
    ) -> None:
        self._budgets = budgets
        self._shared = shared
        self._kept = kept
        self._loops = LoopLimits(
            repeats=budgets.loop_repeats, pairs=budgets.loop_pairs, unchanged=budgets.loop_unchanged
        )

    def meter(self, context: Context | Mapping[str, Any] | None, identity: Identity) -> SpendMeter:
        """Return a fresh one."""
        meter = SpendMeter(
            limits_for(self._budgets, context),
            prices=self._budgets.prices,
            shared=Shared(self._shared, identity) if self._shared else None,
            kept=Kept(self._kept, identity) if self._kept else None,
            max_depth=self._budgets.max_depth,
            closing_share=self._budgets.closing_share,
            loops=self._loops,
        )
        meter.of_one_run = True
        return meter

    def missing(self, present: Sequence[Any], context: Any, identity: Identity) -> list[SpendMeter]:
        """Return the one that a run with these handlers lacks."""
        metered = any(isinstance(handler, SpendMeter) for handler in present)
        return [] if metered else [self.meter(context, identity)]


def limits_for(budgets: BudgetSettings, context: Context | Mapping[str, Any] | None) -> Limits:
    """Return the limits of one run: the caller may lower what the settings allow, never raise it."""
    calls = _said(context, "max_model_calls")
    seconds = _said(context, "max_seconds")
    return Limits(
        model_calls=budgets.max_model_calls if calls is None else min(int(calls), budgets.max_model_calls),
        tool_calls=budgets.max_tool_calls,
        tokens=budgets.max_tokens,
        seconds=budgets.max_seconds if seconds is None else min(seconds, budgets.max_seconds),
        cost=budgets.max_cost,
    )


def _said(context: Any, name: str) -> float | None:
    """Return a limit of the context, which clients send as JSON of any kind."""
    value = context.get(name) if isinstance(context, Mapping) else getattr(context, name, None)
    return value if isinstance(value, int | float) else None
