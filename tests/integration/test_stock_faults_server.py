"""What goes wrong under `langgraph dev` on LangGraph's own Redis saver or store, and does not on ours."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import BadRequestError, InternalServerError

from tests.contract.both_savers import OURS, STOCK, both, fails
from tests.langgraph_dev import LanggraphDev

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

GRAPH = """
import asyncio
import operator
from typing import Annotated

from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict


class Words(TypedDict, total=False):
    words: Annotated[list[str], operator.add]
    sleep: float


async def remember(state: Words) -> Words:
    return {"words": ["inner"]}


inner = StateGraph(Words)
inner.add_node(remember)
inner.add_edge(START, "remember")
remembering = inner.compile(checkpointer=True)


async def call(state: Words) -> Words:
    known = await remembering.ainvoke({"words": []})
    return {"words": [str(len(known["words"]))]}


async def wait(state: Words) -> Words:
    await asyncio.sleep(state.get("sleep") or 0)
    return {}


builder = StateGraph(Words)
builder.add_node(call)
builder.add_node(wait)
builder.add_edge(START, "call")
builder.add_edge("call", "wait")
graph = builder.compile()
"""
PERSIST = """
import os
from contextlib import asynccontextmanager

from langgraph.checkpoint.redis.aio import AsyncRedisSaver
from langgraph.store.redis.aio import AsyncRedisStore


@asynccontextmanager
async def checkpointer():
    async with AsyncRedisSaver.from_conn_string(os.environ["TWINTRACK_REDIS__URL"]) as saver:
        yield saver


@asynccontextmanager
async def store():
    async with AsyncRedisStore.from_conn_string(os.environ["TWINTRACK_REDIS__URL"]) as store:
        yield store
"""
PATHS = {STOCK: "./persist.py:{}", OURS: "twintrack.app.server.{}"}


def served(kind: str, redis_url: str, folder: Any, *parts: str) -> LanggraphDev:
    server = LanggraphDev(folder, TWINTRACK_REDIS__URL=redis_url)
    (folder / "persist.py").write_text(PERSIST)
    server.serve("words", GRAPH, **{part: PATHS[kind].format(part) for part in parts})
    return server


@pytest.fixture(scope="module")
def servers(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, LanggraphDev]]:
    """Give a server on each saver."""
    running = {kind: served(kind, redis_url, tmp_path_factory.mktemp(kind), "checkpointer") for kind in (STOCK, OURS)}
    for server in running.values():
        server.start()
    yield running
    for server in running.values():
        server.end()


@pytest.fixture
async def client(servers: dict[str, LanggraphDev], kind: str) -> AsyncIterator[LangGraphClient]:
    async with get_client(url=servers[kind].url) as client:
        yield client


@pytest.fixture
async def thread(client: LangGraphClient) -> str:
    """Give a thread of three turns."""
    id_ = str((await client.threads.create(graph_id="words"))["thread_id"])
    for _ in range(3):
        await client.runs.wait(id_, "words", input={"words": []})
    return id_


def ids(history: list[Any]) -> list[str]:
    return [state["checkpoint"]["checkpoint_id"] for state in history]


@pytest.mark.parametrize("kind", [STOCK, OURS])
async def test_both_serve_a_plain_thread(client: LangGraphClient, thread: str) -> None:
    """Without this, a stock server that does not work at all would fail every test below, as it should."""
    state: Any = await client.threads.get_state(thread)
    assert state["values"]["words"] == ["1", "2", "3"]
    assert len(await client.threads.get_history(thread, limit=50)) == 12


@both()
async def test_history_before_a_version_is_older_than_it(
    servers: dict[str, LanggraphDev], kind: str, client: LangGraphClient, thread: str
) -> None:
    every = ids(await client.threads.get_history(thread, limit=50))
    async with httpx.AsyncClient() as http:
        asked: dict[str, Any] = {"before": every[5], "limit": 50}
        got = (await http.get(f"{servers[kind].url}/threads/{thread}/history", params=asked)).json()

    assert ids(got) == every[6:]


@both(InternalServerError)
async def test_history_before_a_checkpoint_as_the_client_has_it(
    client: LangGraphClient, kind: str, thread: str
) -> None:
    every = await client.threads.get_history(thread, limit=50)

    assert ids(await client.threads.get_history(thread, limit=50, before=every[5]["checkpoint"])) == ids(every)[6:]


@both(BadRequestError)
async def test_history_is_found_by_the_servers_own_metadata(client: LangGraphClient, kind: str, thread: str) -> None:
    assert len(await client.threads.get_history(thread, limit=50, metadata={"graph_id": "words"})) == 12


@both()
async def test_going_on_from_an_old_version_finds_a_subgraph_as_it_was(
    client: LangGraphClient, kind: str, thread: str
) -> None:
    history: Any = await client.threads.get_history(thread, limit=50)
    second = next(each for each in history if each["next"] == ["call"] and each["values"]["words"] == ["1"])
    again: Any = await client.runs.wait(
        thread, "words", input=None, checkpoint_id=second["checkpoint"]["checkpoint_id"]
    )
    assert again["words"] == ["1", "2"]


@pytest.mark.parametrize("kind", [pytest.param(STOCK, marks=fails(InternalServerError)), OURS])
async def test_a_run_that_rolls_another_back_takes_its_place(
    redis_url: str, tmp_path_factory: pytest.TempPathFactory, kind: str
) -> None:
    """On the stock saver the server does not come to itself again: it has one of its own."""
    server = served(kind, redis_url, tmp_path_factory.mktemp("rollback"), "checkpointer")
    server.start()
    try:
        async with get_client(url=server.url) as client:
            thread = str((await client.threads.create(graph_id="words"))["thread_id"])
            long: Any = {"words": ["long"], "sleep": 60.0}
            await client.runs.create(thread, "words", input=long)
            await until_called(client, thread)
            short: Any = {"words": ["short"], "sleep": 0.0}
            second = await client.runs.create(thread, "words", input=short, multitask_strategy="rollback")
            await client.runs.join(thread, second["run_id"])
            state: Any = await client.threads.get_state(thread)
            assert state["values"]["words"] == ["short", "1"]
    finally:
        server.end()


async def until_called(client: LangGraphClient, thread: str) -> None:
    """Wait until the run has taken its first step."""
    async with asyncio.timeout(60):
        while True:
            with suppress(TypeError, KeyError):
                state: Any = await client.threads.get_state(thread)
                if state["values"]["words"][-1:] == ["1"]:
                    return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("kind", [pytest.param(STOCK, marks=fails(AssertionError)), OURS])
async def test_the_server_starts_with_a_store(
    redis_url: str, tmp_path_factory: pytest.TempPathFactory, kind: str
) -> None:
    server = served(kind, redis_url, tmp_path_factory.mktemp("store"), "checkpointer", "store")
    try:
        server.start()
        async with get_client(url=server.url) as client:
            await client.store.put_item(["a", "b"], key="k", value={"n": 1})
            found: Any = await client.store.get_item(["a", "b"], key="k")
            assert found["value"] == {"n": 1}
    finally:
        server.end()
