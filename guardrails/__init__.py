"""Rails on every hop: small pure checks, each with a declared failure mode."""

from twintrack.guardrails.budget import Limits, SpendMeter, Usage
from twintrack.guardrails.meters import limits_for
from twintrack.guardrails.pii import Masked, Masker, restore, scrub
from twintrack.guardrails.policy import Policy, Rail, default_policy, masker_for
from twintrack.guardrails.verdict import Verdict

__all__ = [
    "Limits",
    "Masked",
    "Masker",
    "Policy",
    "Rail",
    "SpendMeter",
    "Usage",
    "Verdict",
    "default_policy",
    "limits_for",
    "masker_for",
    "restore",
    "scrub",
]
