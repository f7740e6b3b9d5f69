"""Rail against texts that try to give the assistant new rules."""

from dataclasses import dataclass

from twintrack.guardrails.injection_rules import RULES
from twintrack.guardrails.plain import folded
from twintrack.guardrails.refusals import refusal
from twintrack.guardrails.verdict import FailureMode, Verdict


@dataclass(frozen=True, slots=True)
class Injection:
    """Rail that blocks instructions against the assistant's own rules."""

    name: str = "injection"
    failure: FailureMode = "closed"

    def check(self, text: str) -> Verdict:
        """Block a text in which a rule is found."""
        rule = matched_rule(text)
        if rule is None:
            return Verdict(self.name)
        return Verdict(self.name, "block", refusal("injection", text), score=1.0)


def matched_rule(text: str) -> str | None:
    """Return the name of the first rule that `text` breaks."""
    seen = folded(text)
    return next((name for name, rule in RULES.items() if rule.search(seen)), None)
