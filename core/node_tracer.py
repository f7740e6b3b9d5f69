"""The callback handler that makes a span of every node, tool and model call."""

from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langfuse import Langfuse
from langfuse._client.constants import LANGFUSE_TRACER_NAME
from langfuse.langchain import CallbackHandler
from langfuse.langchain.CallbackHandler import MAX_PENDING_RESUME_TRACE_CONTEXTS, _PendingResumeTraceContextStore
from opentelemetry.sdk.trace import TracerProvider

from twintrack.core.langfuse_variables import LangfuseVariables


class SpanClient(Langfuse):
    """The part of a Langfuse client that makes spans, on a tracer provider of our own.

    The full client is one per public key and process, ignores the arguments of whoever comes second, starts threads
    and replaces the global tracer provider. An application around us may have its own; neither may disturb the other.
    """

    def __init__(self, provider: TracerProvider, public_key: str, variables: LangfuseVariables) -> None:
        self._base_url = variables.base_url
        self._environment = variables.tracing_environment or ""
        self._release = variables.release
        self._project_id = None
        self._tracing_enabled = True
        self._otel_tracer = provider.get_tracer(LANGFUSE_TRACER_NAME, attributes={"public_key": public_key})


class NodeTracer(CallbackHandler):
    """Traces one run under an observation that is already open.

    It runs in the node's own context (`run_inline`): only then do spans made inside a node hang under it.
    """

    run_inline = True
    traces_run = True
    """Tells graphs inside the run that they are traced already."""
    _model_parse_warning_logged = True
    """A model without a name is not worth a log line in every run."""

    def __init__(self, client: Langfuse, root: Any) -> None:
        # The parent's constructor looks the client up in a registry of the process, so it is not called.
        BaseCallbackHandler.__init__(self)
        self._langfuse_client = client
        self._runs = {}
        self._context_tokens = {}
        self._prompt_to_parent_run_map = {}
        self._updated_completion_start_time_memo = set()
        self._trace_context = None
        self._pending_resume_trace_contexts = _PendingResumeTraceContextStore(MAX_PENDING_RESUME_TRACE_CONTEXTS)
        self._run_states = {}
        self._root_run_states = {}
        self.last_trace_id = root.trace_id
        self.root = root
        self.output: Any = None
        self.interrupted = False
        self._root_run: UUID | None = None

    def on_chain_start(self, serialized: dict[str, Any] | None, inputs: Any, *, run_id: UUID, **details: Any) -> Any:
        """Start a span; the run itself is the observation that is already open."""
        if self._root_run is None:
            self._root_run = run_id
            self._runs[run_id] = self.root
        else:
            super().on_chain_start(serialized, inputs, run_id=run_id, **details)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **details: Any) -> Any:
        """End a span; of the run itself, only remember the output."""
        if run_id == self._root_run:
            self.output = outputs
        else:
            super().on_chain_end(outputs, run_id=run_id, **details)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **details: Any) -> None:
        """End a span with its error; an interrupt is none."""
        level, _ = self._get_error_level_and_status_message(error)
        self.interrupted = self.interrupted or level != "ERROR"
        if run_id != self._root_run:
            super().on_chain_error(error, run_id=run_id, **details)
