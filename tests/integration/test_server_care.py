"""What `langgraph dev` leaves to the graph and to the store: a failed run is taken back, items go when their time is up."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from tests.contract.checkpoint_makers import config
from tests.integration.test_redis_check import source_at
from tests.langgraph_dev import OURS, LanggraphDev
from twintrack.core.context import Identity
from twintrack.core.settings import TracingSettings
from twintrack.core.traces import TraceStore
from twintrack.core.tracing import Tracer
from twintrack.memory.checkpoints import VersionedRedisSaver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

GRAPH = """
import operator
from typing import Annotated

from langgraph.graph import START, StateGraph
from twintrack.app.server import parts
from twintrack.graphs.thread_care import ThreadCare
from twintrack.graphs.traced import traced
from typing_extensions import TypedDict


class Words(TypedDict, total=False):
    words: Annotated[list[str], operator.add]


async def note(state: Words) -> Words:
    return {"words": ["noted"]}


async def act(state: Words) -> Words:
    if state["words"][-2] == "break":
        raise ValueError("with a secret")
    return {}


builder = StateGraph(Words)
builder.add_node(note)
builder.add_node(act)
builder.add_edge(START, "note")
builder.add_edge("note", "act")
graph = traced(builder.compile(), parts.tracer, care=ThreadCare(on_error="rollback", keep_last=3))
"""


@pytest.fixture(scope="module")
def server(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanggraphDev]:
    folder = tmp_path_factory.mktemp("care")
    served = LanggraphDev(folder, TWINTRACK_REDIS__URL=redis_url)
    served.serve("words", GRAPH, **OURS)
    served.start()
    yield served
    served.stop()


@pytest.fixture
async def client(server: LanggraphDev) -> AsyncIterator[LangGraphClient]:
    async with get_client(url=server.url) as client:
        yield client


def words(*said: str) -> Any:
    return {"words": [*said]}


async def test_a_run_that_breaks_is_taken_back_with_the_reason_in_its_version_and_its_trace(
    server: LanggraphDev, client: LangGraphClient, redis_url: str
) -> None:
    thread = str((await client.threads.create(graph_id="words"))["thread_id"])
    await client.runs.wait(thread, "words", input=words("good"))
    broken: Any = await client.runs.wait(thread, "words", input=words("break"), raise_error=False)
    assert broken["__error__"]["error"] == "ValueError"

    state: Any = await client.threads.get_state(thread)
    assert (state["values"]["words"], state["next"]) == (["good", "noted"], [])
    async with source_at(redis_url) as source:
        (newest,) = [found async for found in VersionedRedisSaver(source=source).alist(config(thread), limit=1)]
        traces = Tracer(TracingSettings(), source=source).store
        assert traces
        kept = await _labelled(traces, "rolled_back_because")
    told: Any = newest.metadata
    assert (told["actor"], told["reason"]) == ("on_error", "the run broke (ValueError)")
    assert "the run broke (ValueError)" in [labels.get("rolled_back_because") for labels in kept]
    after: Any = await client.runs.wait(thread, "words", input=words("next"))
    assert after["words"] == ["good", "noted", "next", "noted"]


async def _labelled(traces: TraceStore, name: str) -> list[dict[str, str]]:
    """Return every trace's labels once one has this label: the server writes them a moment after the run."""
    for _ in range(1000):
        labels = [trace.labels for trace in await traces.list(Identity("default", "anonymous"))]
        if any(name in each for each in labels):
            return labels
        await asyncio.sleep(0.05)
    pytest.fail("no trace tells of it")


async def test_old_versions_are_let_go_after_a_run(client: LangGraphClient) -> None:
    thread = str((await client.threads.create(graph_id="words"))["thread_id"])
    for _ in range(4):
        await client.runs.wait(thread, "words", input=words("good"))

    assert len(await client.threads.get_history(thread, limit=50)) == 3


async def test_items_are_found_by_meaning_and_go_when_their_time_is_up(client: LangGraphClient) -> None:
    space = ["acme", "ann"]
    await client.store.put_item(space, key="quiet", value={"text": "Ann likes silent rooms."})
    await client.store.put_item(space, key="short", value={"text": "The ferry to Marrow Bay is late."}, ttl=0.02)  # type: ignore[arg-type] # minutes, in parts too
    found: Any = await client.store.search_items(space, query="a ship that does not come in time", limit=1)
    assert [item["key"] for item in found["items"]] == ["short"]

    for _ in range(600):  # a search that asked for it would give it more time
        left: Any = await client.store.search_items(space, refresh_ttl=False)
        if len(left["items"]) == 1:
            break
        await asyncio.sleep(0.1)
    assert [item["key"] for item in left["items"]] == ["quiet"]
