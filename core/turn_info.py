"""What is known of a run when it begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from twintrack.core.context import Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnInfo:
    """One run of a graph, before its first step."""

    name: str
    thread_id: str
    identity: Identity
    trace_id: str
    resumes: bool = False
    """True continues a trace that exists: after an interrupt or a crash."""
    tags: Sequence[str] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
