"""The callback handler that notes every node, tool and model call of one run, without what went in and out."""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult

from twintrack.core.traces import TraceSpan

_HIDDEN = "langsmith:hidden"


class StepRecorder(BaseCallbackHandler):
    """Collects the steps of one run; the run itself is `root`."""

    run_inline = True
    traces_run = True

    def __init__(self, root: str) -> None:
        self.steps: list[TraceSpan] = []
        self.output: Any = None
        self.interrupted = False
        self._root = root
        self._root_run: UUID | None = None
        self._open: dict[UUID, TraceSpan] = {}

    def on_chain_start(self, serialized: Any, *_given: Any, run_id: UUID, **details: Any) -> None:
        """Note a node or graph; the first one is the run itself."""
        if self._root_run is None:
            self._root_run = run_id
        else:
            self._start("chain", serialized, run_id, details)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **_details: Any) -> None:
        """Note the end; of the run itself, its output."""
        if run_id == self._root_run:
            self.output = outputs
        else:
            self._end(run_id)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **_details: Any) -> None:
        """Note what broke; an interrupt is no error."""
        self._fail(error, run_id)

    def on_tool_start(self, serialized: Any, *_given: Any, run_id: UUID, **details: Any) -> None:
        """Note a tool call."""
        self._start("tool", serialized, run_id, details)

    def on_tool_end(self, output: Any, *, run_id: UUID, **_details: Any) -> None:
        """Note its end; a tool may answer with an error."""
        failed = getattr(output, "status", "") == "error"
        self._end(run_id, **({"level": "ERROR", "message": str(getattr(output, "content", ""))} if failed else {}))

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **_details: Any) -> None:
        """Note what broke."""
        self._fail(error, run_id)

    def on_retriever_start(self, serialized: Any, *_given: Any, run_id: UUID, **details: Any) -> None:
        """Note a retrieval."""
        self._start("retriever", serialized, run_id, details)

    def on_retriever_end(self, *_found: Any, run_id: UUID, **_details: Any) -> None:
        """Note its end."""
        self._end(run_id)

    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **_details: Any) -> None:
        """Note what broke."""
        self._fail(error, run_id)

    def on_chat_model_start(self, serialized: Any, *_given: Any, run_id: UUID, **details: Any) -> None:
        """Note a model call."""
        self._start("generation", serialized, run_id, details)

    def on_llm_start(self, serialized: Any, *_given: Any, run_id: UUID, **details: Any) -> None:
        """Note a model call."""
        self._start("generation", serialized, run_id, details)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_details: Any) -> None:
        """Note its end and its tokens."""
        self._end(run_id, usage=_usage(response))

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_details: Any) -> None:
        """Note what broke."""
        self._fail(error, run_id)

    def unfinished(self) -> Sequence[TraceSpan]:
        """Return the steps that were still running, as stopped now."""
        for run_id in list(self._open):
            self._end(run_id, level="WARNING", message="stopped")
        return self.steps

    def _start(self, kind: str, serialized: Any, run_id: UUID, details: dict[str, Any]) -> None:
        parent: UUID | None = details.get("parent_run_id")
        name = str(details.get("name") or (serialized or {}).get("name") or "unnamed")
        now = time.time()
        self._open[run_id] = TraceSpan(
            id=span_id(run_id),
            parent=self._root if parent in (None, self._root_run) else span_id(parent),
            name=name,
            type="agent" if kind == "chain" and "agent" in name.lower() else kind,
            start=now,
            end=now,
            level="DEBUG" if _HIDDEN in (details.get("tags") or ()) else "DEFAULT",
            model=str((details.get("metadata") or {}).get("ls_model_name") or "") if kind == "generation" else "",
        )

    def _end(self, run_id: UUID, **found: Any) -> None:
        if step := self._open.pop(run_id, None):
            step.end = time.time()
            for name, value in found.items():
                setattr(step, name, value)
            self.steps.append(step)

    def _fail(self, error: BaseException, run_id: UUID) -> None:
        message = str(error) or type(error).__name__
        if _is_control_flow(error):
            self.interrupted = True
            self._end(run_id, message=message)
        else:
            self._end(run_id, level="ERROR", message=message)


def span_id(run_id: UUID | None) -> str:
    """Return the random half of a run id."""
    return run_id.hex[16:] if run_id else ""


def _is_control_flow(error: BaseException) -> bool:
    """Tell LangGraph's interrupts and hand-overs by name: this layer does not import LangGraph."""
    return any(kind.__name__ == "GraphBubbleUp" for kind in type(error).__mro__)


def _usage(response: LLMResult) -> dict[str, int]:
    for generation in (one for row in response.generations for one in row):
        if found := getattr(getattr(generation, "message", None), "usage_metadata", None):
            return {kind: found[f"{kind}_tokens"] for kind in ("input", "output", "total")}
    return {}
