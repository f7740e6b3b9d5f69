"""What waits for a person over HTTP: each user sees and ends their own."""

from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection

from tests.clerks import QUESTION, opened, paid
from twintrack.app.assemble import App
from twintrack.app.http_approvals import approval_routes
from twintrack.app.lapsed import Lapsed
from twintrack.app.run_queue import RunQueue
from twintrack.core.redis_client import RedisSource

SHORT: dict[str, Any] = {"approvals": {"timeout_seconds": 0.001}}


class Named(BaseUser):
    """A server's user of the default tenant."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def identity(self) -> str:
        return self.name


class ByHeader(AuthenticationBackend):
    """Believes a header: the keys are tested elsewhere."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser]:
        return AuthCredentials(), Named(conn.headers["x-user"])


def http_of(app: App, user: str) -> httpx.AsyncClient:
    lapsed = Lapsed(app.graph, app.parts, RunQueue("reject", 0))
    served = Starlette(
        routes=approval_routes(lapsed), middleware=[Middleware(AuthenticationMiddleware, backend=ByHeader())]
    )
    transport = httpx.ASGITransport(served)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers={"x-user": user})


async def test_each_user_sees_and_ends_what_waited_too_long_of_their_own(
    redis_url: str, source: RedisSource, tmp_path: Path
) -> None:
    del source
    async with opened(redis_url, tmp_path / "paid", SHORT) as app, http_of(app, "ada") as ada, http_of(app, "bo") as bo:
        for user in ("ada", "bo"):
            await app.ask(QUESTION, thread_id=f"of {user}", user_id=user)
        waiting = (await ada.get("/twintrack/approvals")).json()["waiting"]
        assert {one["thread_id"] for one in waiting} == {"of ada"}
        assert (await ada.post("/twintrack/approvals/settle")).json() == {"ended": ["of ada"]}
        assert (await ada.post("/twintrack/approvals/settle")).json() == {"ended": []}
        assert (await ada.get("/twintrack/approvals")).json() == {"waiting": []}
        assert {one["thread_id"] for one in (await bo.get("/twintrack/approvals")).json()["waiting"]} == {"of bo"}
        assert [thread for _, thread in await app.settle_lapsed()] == ["of bo"]
    assert paid(tmp_path / "paid") == []


async def test_a_question_without_a_time_limit_is_listed_as_such(
    redis_url: str, source: RedisSource, tmp_path: Path
) -> None:
    del source
    never: dict[str, Any] = {"approvals": {"timeout_seconds": None}}
    async with opened(redis_url, tmp_path / "paid", never, names=("ann",)) as app, http_of(app, "ada") as ada:
        await app.ask(QUESTION, thread_id="t", user_id="ada")
        assert (await ada.get("/twintrack/approvals")).json() == {"waiting": [{"thread_id": "t", "until": None}]}
        assert (await ada.post("/twintrack/approvals/settle")).json() == {"ended": []}
