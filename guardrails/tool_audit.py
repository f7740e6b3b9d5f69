"""Takes down each decision of the gate: in the log its kind alone, in the stored record who, what, why and by whom."""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from twintrack.core.audit import AuditLog, By, Decision
from twintrack.core.context import Identity
from twintrack.core.tool_calls import caller_of

log = logging.getLogger("twintrack.audit.tools")
"""Every decision about a call: who and what; never the values of its arguments."""
_TRACE_ID = "twintrack_trace_id"
_WHY_CHARS = 300


@dataclass(frozen=True, slots=True)
class Case:
    """One call as it is judged, and the run that it belongs to."""

    agent: str
    tool: str
    arguments: Any
    runtime: Any
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolAudit:
    """Where decisions go."""

    record: AuditLog | None = None
    """None keeps the log alone."""
    mask: Callable[[str], str] = str

    def note(self, case: Case, decision: str, why: str = "", *, by: By = "policy") -> str:
        """Write a decision down; return the reason."""
        # A reason may hold a value that the model chose, so the log gets its kind alone.
        told = {"agent": case.agent, "tool": case.tool, "decision": decision}
        log.info("%s: %s %s", case.agent, case.tool[:100], decision, extra=told)
        if self.record is not None:
            self.record.write(self._decision(case, decision, why, by))
        return why

    def _decision(self, case: Case, decision: str, why: str, by: By) -> Decision:
        identity, thread, trace = _run_of(case)
        return Decision(
            tenant=identity.tenant_id,
            user=identity.user_id,
            thread=thread,
            trace=trace,
            agent=case.agent,
            tool=case.tool[:100],
            arguments=self._digest(case.arguments),
            decision=decision,
            why=self.mask(why)[:_WHY_CHARS],
            by=by,
        )

    def _digest(self, arguments: Any) -> str:
        told = self.mask(json.dumps(arguments, sort_keys=True, ensure_ascii=False, default=str))
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def _run_of(case: Case) -> tuple[Identity, str, str]:
    """Return who runs this, on which thread and in which trace or run."""
    identity, _ = caller_of(case.runtime)
    where, told = case.config.get("configurable") or {}, case.config.get("metadata") or {}
    run = told.get(_TRACE_ID) or told.get("run_id") or where.get("run_id") or case.config.get("run_id") or ""
    return identity, str(where.get("thread_id", "")), str(run)
