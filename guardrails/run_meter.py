"""Finds the meter of the run that a step belongs to, and what it says."""

from collections.abc import Mapping
from typing import Any

from twintrack.guardrails.budget import SpendMeter


def meter_of(config: Mapping[str, Any]) -> SpendMeter | None:
    """Return the meter of the run that a step's config belongs to; None where nothing counts."""
    callbacks = config.get("callbacks")
    handlers = callbacks if isinstance(callbacks, list) else getattr(callbacks, "handlers", ())
    return next((handler for handler in handlers if isinstance(handler, SpendMeter)), None)


def is_spent(config: Mapping[str, Any]) -> bool:
    """Tell whether the run of a step's config has come to one of its limits; never where nothing counts."""
    meter = meter_of(config)
    return meter is not None and meter.spent()


def tokens_spent(config: Mapping[str, Any]) -> int:
    """Return the tokens that the run of a step's config has spent so far; 0 where nothing counts them."""
    meter = meter_of(config)
    return meter.account.read + meter.account.written if meter else 0


def words_are_out(config: Mapping[str, Any]) -> None:
    """Note for the run of a step's config that words of its answer are out now."""
    if meter := meter_of(config):
        meter.speak()
