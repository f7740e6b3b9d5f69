"""Tools of an MCP server behind `langgraph dev`: opened at the first run, called through the gate."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client

from tests.langgraph_dev import PROJECT, LanggraphDev
from twintrack.app.testing import Reply, StubServer, calls, says
from twintrack.core.redis_client import RedisSource

pytest.importorskip("langchain_mcp_adapters")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
DESK = {
    "command": sys.executable,
    "args": [str(Path(__file__).with_name("mcp_desk.py"))],
    "env": {"DESK_KEY": "k-1"},
    "agents": {"researcher": ["stock"]},
    "read_only": ["stock"],
}
GRAPH = next(iter(json.loads((PROJECT / "langgraph.json").read_text())["graphs"]))
QUESTION = "How many pens are there and what is 6 * 7 plus the square root of 81?"


def agent(request: dict[str, Any]) -> Reply:
    """Call the desk's tool where it is at hand, and say what it gave back."""
    names = [one["function"]["name"] for one in request.get("tools", [])]
    results = [message["content"] for message in request["messages"] if message["role"] == "tool"]
    if "stock" not in names:
        return says("NO ANSWER")
    return says(f"The desk says {results[0]}") if results else calls(("stock", {"item": "pens"}))


async def test_a_run_calls_the_desk(redis_url: str, source: RedisSource, tmp_path: Path) -> None:
    del source
    async with StubServer(agent) as stub:
        served = LanggraphDev(
            tmp_path,
            TWINTRACK_REDIS__URL=redis_url,
            TWINTRACK_MCP=json.dumps({"desk": DESK}),
            TWINTRACK_MODELS__AGENT="openai:agent",
            TWINTRACK_MODELS__BASE_URL=stub.base_url,
            TWINTRACK_MODELS__API_KEY="none",
        )
        await asyncio.to_thread(served.start)
        try:
            async with get_client(url=served.url) as client:
                asked: Any = {"messages": [{"role": "user", "content": QUESTION}]}
                state: Any = await client.runs.wait(None, GRAPH, input=asked)
        finally:
            await asyncio.to_thread(served.stop)
    assert "pens: 41 (k-1)" in str(state["steps"])
    assert "BlockingError" not in served.log.read_text()
