"""Rail against texts that try to give the assistant new rules."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from twintrack.guardrails.injection_model import InjectionModel
from twintrack.guardrails.injection_rules import BY_SIGNS, BY_WORDS
from twintrack.guardrails.plain import deciphered, folded
from twintrack.guardrails.refusals import refusal
from twintrack.guardrails.rule_filter import RuleFilter
from twintrack.guardrails.verdict import FailureMode, Verdict

_FILTERS = (RuleFilter(BY_WORDS), RuleFilter(BY_SIGNS, words=False))
_BASE64 = re.compile(r"[A-Za-z0-9+/]{24,4000}={0,2}")


@dataclass(frozen=True, slots=True)
class Injection:
    """Rail that blocks instructions against the assistant's own rules: known wordings, then what the model flags."""

    model: InjectionModel | None = None
    """None leaves it to the wordings."""
    name: str = "injection"
    failure: FailureMode = "closed"

    def check(self, text: str) -> Verdict:
        """Block a text that breaks a rule, or that the model takes for an attack."""
        if matched_rule(text) is not None:
            return Verdict(self.name, "block", refusal("injection", text), score=1.0)
        flagged, score = self.model.judge(text) if self.model else (False, 0.0)
        if flagged:
            return Verdict(self.name, "block", refusal("injection", text), score=score)
        return Verdict(self.name, score=score)


def matched_rule(text: str) -> str | None:
    """Return the name of the first rule that `text` breaks, read as it stands and with simple disguises undone."""
    return next(_matches(text), None)


def _matches(text: str) -> Iterator[str]:
    return (name for reading in _readings(text) for name, rule in _rules(reading) if rule.search(reading))


def _rules(reading: str) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield the rules that a reading may break."""
    for some in _FILTERS:
        if some.stops(reading):
            yield from some.rules.items()


def _readings(text: str) -> Iterator[str]:
    seen = folded(text)
    yield seen
    open_text = deciphered(seen)
    if open_text != seen:
        yield open_text
    for run in islice(_BASE64.finditer(text), 5):
        if hidden := _decoded(run[0]):
            yield folded(hidden)


def _decoded(run: str) -> str:
    """Return the text that a run of Base64 hides, or nothing."""
    try:
        hidden = base64.b64decode(run + "=" * (-len(run) % 4), validate=True).decode()
    except ValueError:
        return ""
    return hidden if hidden.isprintable() else ""
