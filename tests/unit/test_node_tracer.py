"""The two classes that stand on the inside of the Langfuse client."""

import ast
import inspect
import textwrap

import pytest
from langfuse import Langfuse
from langfuse.langchain import CallbackHandler
from opentelemetry.sdk.trace import TracerProvider

from tests.otlp_capture import no_langfuse
from twintrack.core.node_tracer import NodeTracer, SpanClient


def assigned(constructor: object) -> set[str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(constructor)))  # type: ignore[arg-type] # a function
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name)
    }


@pytest.fixture
def client() -> SpanClient:
    return SpanClient(TracerProvider(shutdown_on_exit=False), "local", no_langfuse())


def test_the_span_client_has_all_that_the_langfuse_client_sets(client: SpanClient) -> None:
    assert assigned(Langfuse.__init__) <= set(dir(client))


def test_the_node_tracer_has_all_that_the_langfuse_handler_sets(client: SpanClient) -> None:
    tracer = NodeTracer(client, client.start_observation(name="turn"))
    assert "_runs" in assigned(CallbackHandler.__init__)
    assert assigned(CallbackHandler.__init__) <= vars(tracer).keys()
    assert tracer.run_inline
