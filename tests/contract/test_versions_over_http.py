"""A Redis that cannot be used is one line with its fix on every route of versions, and changes nothing."""

from typing import Any

import httpx
import pytest
from langgraph.graph import START, StateGraph
from starlette.applications import Starlette
from typing_extensions import TypedDict

from tests.contract.checkpoint_makers import put
from twintrack.app.http_errors import answer_error
from twintrack.app.http_versions import version_routes
from twintrack.app.thread_owners import SavedOwners
from twintrack.core.errors import TwintrackError
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.versions import Versions

ROUTES: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "", {}),
    ("GET", "/show", {}),
    ("GET", "/diff?a=x&b=y", {}),
    ("GET", "/tool-calls", {}),
    ("POST", "/save", {"name": "good"}),
    ("POST", "/rollback", {"to": "good", "reason": "r"}),
    ("POST", "/fork", {"to_thread": "copy"}),
    ("POST", "/prune", {"keep_last": 1}),
    ("DELETE", "", {}),
]


class State(TypedDict, total=False):
    n: int


async def _note(_: State) -> State:
    return {"n": 1}


async def _asked(url: str, method: str, path: str, body: dict[str, Any]) -> httpx.Response:
    source = RedisSource(RedisSettings.model_validate({"url": url, "timeout_s": 0.3}))
    saver = VersionedRedisSaver(source=source)
    builder: Any = StateGraph(State)
    builder.add_node("note", _note)
    builder.add_edge(START, "note")
    versions = Versions(builder.compile(checkpointer=saver))
    routes = version_routes(versions, SavedOwners(saver))
    app = Starlette(routes=routes, exception_handlers={TwintrackError: answer_error})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        answer = await client.request(method, f"/twintrack/versions/t{path}", json=body or None)
    await source.aclose()
    return answer


@pytest.mark.parametrize(("method", "path", "body"), ROUTES, ids=lambda value: str(value))
async def test_every_route_names_a_server_that_is_down_and_a_wrong_password(
    source: RedisSource, redis_url: str, method: str, path: str, body: dict[str, Any]
) -> None:
    await put(VersionedRedisSaver(source=source), "t", {"n": 1})
    client = source.client()
    before = {key: await client.dump(key) async for key in client.scan_iter()}

    wrong = redis_url.replace("//:", "//:wrong", 1)
    for url, word in (("redis://127.0.0.1:1/0", "127.0.0.1:1"), (wrong, "password")):
        answer = await _asked(url, method, path, body)
        assert answer.status_code == 503
        said = answer.json()
        assert word in said["error"]
        assert said["fix"]
        assert "\n" not in said["error"] + said["fix"]
    assert {key: await client.dump(key) async for key in client.scan_iter()} == before
