"""Rails on every hop: small pure checks, each with a declared failure mode."""

from twintrack.guardrails.verdict import Verdict

__all__ = ["Verdict"]
