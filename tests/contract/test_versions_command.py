"""`twintrack versions` and its routes on a real Redis: what people and programs see, and what is refused."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from langchain_core.messages import ToolMessage
from starlette.applications import Starlette

from tests.integration.test_redis_check import old_server
from tests.ports import free_port
from twintrack.app.assemble import App, open_app
from twintrack.app.edge import Receive, Scope, Send
from twintrack.app.http_errors import answer_error
from twintrack.app.http_versions import version_routes
from twintrack.app.show_versions import command
from twintrack.app.thread_owners import SavedOwners
from twintrack.core.context import Identity
from twintrack.core.errors import InputError, RedisUnavailable, TwintrackError, UnknownThread, UnknownVersion
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings, Settings
from twintrack.core.tool_calls import Place, ToolUse
from twintrack.memory.checkpoints import VersionedRedisSaver

ANN = Identity("acme", "ann")
Run = Callable[..., Result]


async def _prepare(redis_url: str) -> list[str]:
    """Give ann a thread of two turns, in the second of which a tool sent something; return its versions."""
    async with open_app(Settings.model_validate({"redis": {"url": redis_url}})) as app:
        await app.parts.source.client().flushall()
        for question in ("What is 2 + 2?", "What is 3 + 3?"):
            await app.ask(question, thread_id="t", user_id="ann", tenant_id="acme")
        listed = [version.id for version in await app.versions.list("t", identity=ANN)]
        await _send(app, listed[1])
        return listed


async def _send(app: App, version: str) -> None:
    async def run() -> ToolMessage:
        return ToolMessage("sent", tool_call_id="c")

    assert app.parts.resources.ledger
    use = ToolUse(
        identity=ANN,
        place=Place("t", version),
        agent="clerk",
        tool="send_mail",
        arguments={"to": "bob@example.org"},
        call_id="c",
    )
    await app.parts.resources.ledger.once(use, run)


@pytest.fixture
def versions(redis_url: str) -> list[str]:
    """Give the versions of ann's thread, newest first."""
    return asyncio.run(_prepare(redis_url))


@pytest.fixture
def run(redis_url: str, versions: list[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give the command, as ann."""
    monkeypatch.setenv("TWINTRACK_REDIS__URL", redis_url)
    return lambda *arguments, **options: CliRunner().invoke(
        command, [*arguments, "--user", "ann", "--tenant", "acme"], **options
    )


def _said(result: Result) -> Any:
    assert result.exception is None, result.exception
    return json.loads(result.output)


def _state(redis_url: str) -> dict[bytes, bytes]:
    """Return all that Redis holds, to see that nothing changed."""

    async def read() -> dict[bytes, bytes]:
        source = RedisSource(RedisSettings.model_validate({"url": redis_url}))
        try:
            client = source.client()
            return {key: await client.dump(key) or b"" async for key in client.scan_iter()}
        finally:
            await source.aclose()

    return asyncio.run(read())


def test_a_person_works_with_versions(run: Run, versions: list[str]) -> None:
    listed = run("list", "t", "--limit", "3").output
    assert listed.count("\n") == 5
    assert "all by ann" in listed
    assert "direct" in listed or "team" in listed
    assert versions[0] in listed

    assert "Saved" in run("save", "t", "good", "--version", versions[-1]).output
    shown = run("show", "t", versions[1]).output
    assert all(words in shown for words in ("human: What is 3 + 3?", "send_mail", "clerk", "done"))
    assert "bob@example.org" not in shown
    diff = run("diff", "t", "good", versions[0]).output
    assert "+ human: What is 3 + 3?" in diff
    back = run("rollback", "t", "good", "--reason", "wrong turn").output
    assert all(words in back for words in ("Back at good", "send_mail", "not undone"))
    told = run("list", "t").output
    assert all(words in told for words in ("step", "route", "why", "wrong turn", "all by ann"))
    assert "copy begins where t stood at good." in run("fork", "t", "copy", "--version", "good").output
    assert f"Removed {len(versions) - 1} versions" in run("prune", "t", "--keep", "1").output
    assert run("delete", "t", input="n\n").exit_code == 1
    assert run("delete", "t", "--yes").output == "Deleted t.\n"
    assert "good" in run("list", "copy").output


def test_a_program_works_with_versions(run: Run, versions: list[str]) -> None:
    found = _said(run("list", "t", "--json"))["versions"]
    assert [one["id"] for one in found] == versions
    assert {"actor", "reason", "step", "route", "tokens", "name"} <= set(found[0])
    assert found[0]["actor"] == "ann"
    shown = _said(run("show", "t", "--json"))
    assert shown["version"]["id"] == versions[0]
    assert shown["state"]["messages"][-1]["type"] == "ai"
    saved = _said(run("save", "t", "good", "--version", versions[-1], "--json"))["version"]
    assert (saved["id"], saved["name"]) == (versions[-1], "good")
    assert "messages" in _said(run("diff", "t", "good", versions[0], "--json"))["changes"]
    back = _said(run("rollback", "t", "good", "--reason", "r", "--json"))["version"]
    assert (back["rolled_back_to"], back["is_head"]) == (versions[-1], True)
    [call] = back["already_done"]
    assert (call["tool"], call["state"], call["version"]) == ("send_mail", "done", versions[1])
    assert _said(run("fork", "t", "copy", "--json"))["version"]["id"] == back["id"]
    assert _said(run("prune", "t", "--keep", "2", "--json")) == {"removed": len(versions) - 2}
    assert _said(run("delete", "t", "--yes", "--json")) == {"deleted": "t"}


WRONG: tuple[tuple[list[str], type[TwintrackError], str], ...] = (
    (["list", "nowhere"], UnknownThread, "no thread 'nowhere'"),
    (["show", "t", "v9"], UnknownVersion, "no version 'v9'"),
    (["rollback", "t", "v9", "--reason", "r"], UnknownVersion, "no version 'v9'"),
    (["rollback", "nowhere", "v9", "--reason", "r"], UnknownThread, "nowhere"),
    (["save", "t", "taken"], InputError, "saved as 'taken'"),
    (["save", "t", "new", "--version", "v9"], UnknownVersion, "v9"),
    (["save", "t", ""], InputError, "1 to 100 characters"),
    (["save", "t", "  "], InputError, "1 to 100 characters"),
    (["save", "t", "a\x00b"], InputError, "1 to 100 characters"),
    (["rollback", "t", "v", "--reason", "x" * 2001], InputError, "The reason has 2001 characters"),
    (["fork", "t", "a\nb"], InputError, "cannot be the new thread's id"),
    (["fork", "t", "x" * 201], InputError, "cannot be the new thread's id"),
    (["diff", "t", "taken", "v9"], UnknownVersion, "v9"),
    (["fork", "t", "t"], InputError, "cannot be the new thread's id"),
    (["fork", "t", ""], InputError, "cannot be the new thread's id"),
    (["fork", "nowhere", "copy"], UnknownThread, "nowhere"),
    (["prune", "nowhere", "--keep", "1"], UnknownThread, "nowhere"),
    (["delete", "nowhere", "--yes"], UnknownThread, "nowhere"),
)


def test_what_is_wrong_is_said_in_one_line_and_nothing_changes(run: Run, redis_url: str, versions: list[str]) -> None:
    run("save", "t", "taken", "--version", versions[-1])
    before = _state(redis_url)
    for arguments, kind, words in WRONG:
        error = run(*arguments).exception
        assert isinstance(error, kind), arguments
        assert words in error.problem
        assert error.fix
        assert "\n" not in str(error)
    assert _state(redis_url) == before


def test_another_owners_thread_is_not_there(run: Run, redis_url: str, versions: list[str]) -> None:
    before = _state(redis_url)
    bob, namesake, nobody = ["--user", "bob", "--tenant", "acme"], ["--user", "ann"], list[str]()
    for arguments in (
        ["list", "t", *bob],
        ["list", "t", *namesake],
        ["list", "t", *nobody],
        ["show", "t", *bob],
        ["save", "t", "mine", *bob],
        ["diff", "t", versions[0], versions[1], *bob],
        ["rollback", "t", versions[1], "--reason", "r", *bob],
        ["rollback", "t", versions[1], "--reason", "r", *namesake],
        ["fork", "t", "mine", *bob],
        ["prune", "t", "--keep", "1", *bob],
        ["delete", "t", "--yes", *bob],
    ):
        assert isinstance(CliRunner().invoke(command, arguments).exception, UnknownThread), arguments
    assert _state(redis_url) == before


async def test_a_server_that_cannot_be_used_is_said_with_what_to_do(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with old_server("6.2.14", speaks_resp3=True) as old:
        for url, words in (
            (f"redis://127.0.0.1:{free_port()}", "cannot be reached"),
            (_with_password(redis_url), "password"),
            (old, "6.2.14"),
        ):
            monkeypatch.setenv("TWINTRACK_REDIS__URL", url)
            result = await asyncio.to_thread(CliRunner().invoke, command, ["list", "t"])
            assert isinstance(result.exception, RedisUnavailable), result.exception
            assert words in str(result.exception)
            assert result.exception.fix
            assert "\n" not in str(result.exception)


def _with_password(url: str) -> str:
    scheme, rest = url.split("://", 1)
    return f"{scheme}://:wrong@{rest.rpartition('@')[2]}"


class _User(dict[str, str]):
    is_authenticated = True

    @property
    def identity(self) -> str:
        return self["user"]


@pytest.fixture
async def client_of(redis_url: str, source: RedisSource) -> AsyncIterator[Callable[[Identity], httpx.AsyncClient]]:
    """Give the routes of an application on ann's thread, as a caller sees them."""
    await _prepare(redis_url)
    async with open_app(Settings.model_validate({"redis": {"url": redis_url}})) as app:
        saver = app.graph.checkpointer
        assert isinstance(saver, VersionedRedisSaver)
        served = Starlette(
            routes=version_routes(app.versions, SavedOwners(saver)),
            exception_handlers={TwintrackError: answer_error},
        )

        def client(who: Identity) -> httpx.AsyncClient:
            async def signed_in(scope: Scope, receive: Receive, send: Send) -> None:
                scope["user"] = _User(user=who.user_id, tenant_id=who.tenant_id)
                await served(scope, receive, send)

            transport: Any = httpx.ASGITransport(signed_in)
            return httpx.AsyncClient(transport=transport, base_url="http://x/twintrack/versions")

        yield client


async def test_the_routes_do_what_the_commands_do(client_of: Callable[[Identity], httpx.AsyncClient]) -> None:
    async with client_of(ANN) as ann:
        listed = (await ann.get("/t")).json()["versions"]
        assert len((await ann.get("/t", params={"limit": 2})).json()["versions"]) == 2
        first, last = listed[-1]["id"], listed[0]["id"]
        shown = (await ann.get("/t/show", params={"version": first})).json()
        assert shown["version"]["id"] == first
        assert shown["state"]
        assert (await ann.get("/t/diff", params={"a": first, "b": last})).json()["changes"]["messages"]
        assert (await ann.post("/t/save", json={"name": "good", "version": first})).json()["version"]["name"] == "good"
        assert len((await ann.get("/t/tool-calls")).json()["tool_calls"]) == 1
        back = (await ann.post("/t/rollback", json={"to": "good", "reason": "r"})).json()["version"]
        assert [call["tool"] for call in back["already_done"]] == ["send_mail"]
        assert (await ann.post("/t/fork", json={"to_thread": "copy"})).json()["version"]["id"] == back["id"]
        assert (await ann.post("/t/prune", json={"keep": 1})).json() == {"removed": len(listed) - 1}
        assert (await ann.delete("/t")).json() == {"deleted": "t"}
        assert (await ann.get("/t")).status_code == 404
        assert (await ann.get("/copy")).status_code == 200


async def test_the_routes_refuse_everyone_else(client_of: Callable[[Identity], httpx.AsyncClient]) -> None:
    async with client_of(Identity("acme", "bob")) as other, client_of(ANN) as ann:
        before = (await ann.get("/t")).json()
        version = before["versions"][0]["id"]
        answers: list[Awaitable[httpx.Response]] = [
            other.get("/t"),
            other.get("/t/show"),
            other.get("/t/diff", params={"a": version, "b": version}),
            other.get("/t/tool-calls"),
            other.post("/t/save", json={"name": "mine"}),
            other.post("/t/rollback", json={"to": version, "reason": "r"}),
            other.post("/t/fork", json={"to_thread": "mine"}),
            other.post("/t/prune", json={"keep": 1}),
            other.delete("/t"),
        ]
        for answer in answers:
            told = await answer
            assert told.status_code == 403
            assert set(told.json()) == {"error", "fix"}
        assert (await ann.get("/t")).json() == before
        # Nor may anyone copy over a thread of someone else.
        await ann.post("/t/fork", json={"to_thread": "annas"})
        assert (await ann.post("/t/fork", json={"to_thread": "annas"})).status_code == 400


async def test_the_routes_say_what_is_wrong(client_of: Callable[[Identity], httpx.AsyncClient]) -> None:
    async with client_of(ANN) as ann:
        old = (await ann.get("/t")).json()["versions"][-1]["id"]
        for answer, status in (
            (await ann.get("/nowhere"), 404),
            (await ann.get("/t/show", params={"version": "v9"}), 404),
            (await ann.post("/t/rollback", json={"to": "v9", "reason": "r"}), 404),
            (await ann.post("/t/rollback", json={"to": "v9"}), 400),
            (await ann.post("/t/prune", json={"keep": True}), 400),
            (await ann.post("/t/prune", json={"keep": 0}), 400),
            (await ann.post("/t/save", json={}), 400),
            (await ann.post("/t/save", json={"name": "good", "version": old}), 200),
            (await ann.post("/t/save", json={"name": "good"}), 400),
            (await ann.post("/t/fork", json={"to_thread": "t"}), 400),
            (await ann.delete("/nowhere"), 404),
        ):
            assert answer.status_code == status
            assert status == 200 or set(answer.json()) == {"error", "fix"}
