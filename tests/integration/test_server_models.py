"""The product's graph under `langgraph dev` with models that answer: each of their calls has its span, and an owner."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client

from tests.contract.conftest import TEXTS
from tests.langgraph_dev import LanggraphDev
from tests.otlp_capture import CapturedSpan, CaptureServer
from tests.stubbed_models import COMPLEX, ROLES, SIMPLE, Stub
from twintrack.app.assemble import open_app
from twintrack.core.context import Identity
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import load_settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

KEY = "ann-key-0123456789abcdef0123456789"
ANN = Identity("acme", "ann")


def settings_of(redis_url: str, base_url: str) -> dict[str, str]:
    models = {f"TWINTRACK_MODELS__{role.upper()}": f"openai:{role}" for role in ROLES}
    return {
        **models,
        "TWINTRACK_MODELS__BASE_URL": base_url,
        "TWINTRACK_MODELS__API_KEY": "k",
        "TWINTRACK_REDIS__URL": redis_url,
        "TWINTRACK_ROUTER__THRESHOLD": "0.5",
        "TWINTRACK_ROUTER__MARGIN": "0.5",
        "TWINTRACK_SERVER__KEYS": json.dumps([f"{KEY}:{ANN.user_id}:{ANN.tenant_id}"]),
        "LANGFUSE_FLUSH_INTERVAL": "0.3",
    }


def written(folder: Path) -> Path:
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def asked(question: str) -> Any:
    return {"messages": [{"role": "user", "content": question}]}


async def ingest(redis_url: str, folder: Path) -> None:
    async with open_app(load_settings(redis={"url": redis_url}, tracing={"keep_local": 0})) as app:
        await app.corpus.ingest([folder], identity=ANN)


async def whole_traces(capture: CaptureServer, thread: str, count: int) -> list[CapturedSpan]:
    """Return the thread's spans once so many of its roots, which are sent last, have come."""
    for _ in range(600):
        spans = [span for span in capture.spans if span.session == thread]
        if sum(not span.parent for span in spans) == count:
            return spans
        await asyncio.sleep(0.1)
    raise AssertionError(f"not {count} whole traces of {thread}")


async def test_each_model_call_of_the_served_graph_has_its_span(
    otlp: CaptureServer, redis_url: str, source: RedisSource, tmp_path: Path
) -> None:
    stub = Stub({})
    await ingest(redis_url, written(tmp_path / "documents"))
    async with stub.server as server:
        served = LanggraphDev(tmp_path, **settings_of(redis_url, server.base_url), **otlp.environment)
        await asyncio.to_thread(served.start)
        try:
            async with get_client(url=served.url, headers={"Authorization": f"Bearer {KEY}"}) as client:
                thread = (await client.threads.create())["thread_id"]
                states: list[Any] = [
                    await client.runs.wait(thread, "twintrack", input=asked(question)) for question in (SIMPLE, COMPLEX)
                ]
                spans = await whole_traces(otlp, thread, 2)
        finally:
            await asyncio.to_thread(served.stop)
    assert [state["answer"]["status"] for state in states] == ["answered", "answered"]
    calls = [span for span in spans if span.type == "generation"]
    assert len(calls) == len(stub.server.requests)
    models = Counter(str(span.attributes["langfuse.observation.model.name"]) for span in calls)
    assert models == Counter(request["model"] for request in stub.server.requests)
    assert set(models) == set(ROLES)
    assert {(span.session, span.user) for span in spans} == {(thread, ANN.user_id)}
    assert all(span.usage["output"] > 0 for span in calls)
    assert "BlockingError" not in served.log.read_text()
