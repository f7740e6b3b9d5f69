"""Bad requests to `langgraph dev`: each is turned away with the fix, nobody else's data shows, and the thread and the server live on."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from redis import Redis

from tests.langgraph_dev import PROJECT, LanggraphDev

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PAGE = (PROJECT / "docs" / "embedding.md").read_text(encoding="utf-8")
(DOCUMENTED,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
KEYS = {"ann": "ann-0123456789abcdef", "bob": "bob-0123456789abcdef"}
NOWHERE = "1f0c0000-0000-6000-8000-000000000000"
SECRET = "quetzal"
HALF = "half \ud83d of it"


@pytest.fixture(scope="module")
def server(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanggraphDev]:
    keys = json.dumps([f"{key}:{user}:acme" for user, key in KEYS.items()])
    folder = tmp_path_factory.mktemp("input")
    served = LanggraphDev(
        folder,
        TWINTRACK_REDIS__URL=redis_url,
        TWINTRACK_SERVER__KEYS=keys,
        TWINTRACK_TEAM__APPROVE='["calculator"]',
    )
    (folder / "langgraph.json").write_text(DOCUMENTED)  # as a newcomer pastes it
    served.start()
    yield served
    served.stop()
    with Redis.from_url(redis_url) as client:
        client.flushall()


def client_of(server: LanggraphDev, user: str) -> httpx.AsyncClient:
    # The server closes a connection after an error of its own.
    headers = {"X-Api-Key": KEYS[user], "connection": "close", "content-type": "application/json"}
    return httpx.AsyncClient(base_url=server.url, headers=headers, timeout=100)


@pytest.fixture
async def ann(server: LanggraphDev) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(server, "ann") as client:
        yield client


@pytest.fixture
async def bob(server: LanggraphDev) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(server, "bob") as client:
        yield client


def run_of(content: Any = "What is the monthly fee?", **more: Any) -> dict[str, Any]:
    return {"assistant_id": "twintrack", "input": {"messages": [{"role": "user", "content": content}]}} | more


async def ask(client: httpx.AsyncClient, thread: str, content: str) -> dict[str, Any]:
    answer = await client.post(f"/threads/{thread}/runs/wait", json=run_of(content))
    assert answer.status_code == 200, answer.text
    assert "__error__" not in answer.text, answer.text
    return dict(answer.json())


async def begun(client: httpx.AsyncClient, content: str = "What is the monthly fee?") -> str:
    thread = str((await client.post("/threads", json={})).json()["thread_id"])
    await ask(client, thread, content)
    return thread


RUN = "/threads/{own}/runs/wait"
VERSIONS = "/twintrack/versions/{own}"
REFUSED: list[tuple[str, str, Any, int]] = [
    ("POST", f"/threads/{NOWHERE}/runs/wait", run_of(), 404),
    ("POST", "/threads/not-a-uuid/runs/wait", run_of(), 400),
    ("POST", "/threads/{other}/runs/wait", run_of(), 403),
    ("POST", RUN, run_of(assistant_id="nobody"), 422),
    ("POST", RUN, run_of(assistant_id=3), 422),
    ("POST", RUN, b"{", 422),
    ("POST", RUN, b"", 422),
    ("POST", RUN, b"\xff\xfe", 422),
    ("POST", RUN, [], 422),
    ("POST", RUN, run_of(HALF), 422),
    ("POST", RUN, run_of("x" * 1_100_000), 413),
    ("POST", RUN, run_of(input="text"), 422),
    ("POST", RUN, run_of(input={"messages": 3}), 422),
    ("POST", RUN, run_of(input={"messages": [{"role": "tool", "content": "x"}]}), 422),
    ("POST", RUN, run_of(input=None, command={"update": {"messages": 3}}), 422),
    ("POST", RUN, run_of(input=None, command={"update": {"messages": [{"role": "remove", "id": "x"}]}}), 422),
    ("POST", RUN, run_of(input=None, command={"resume": None}), 422),
    ("POST", RUN, run_of(input=None, command={"resume": {"decisions": [{"type": "approve"}]}}), 409),
    ("POST", RUN, run_of(input=None, command={"goto": "remember"}), 422),
    ("POST", RUN, run_of(checkpoint_id=3), 422),
    ("POST", RUN, run_of(checkpoint_id="nope"), 422),
    ("POST", RUN, run_of(checkpoint_id=NOWHERE), 404),
    ("POST", RUN, run_of(checkpoint_id="{other_version}"), 404),
    ("POST", RUN, run_of(checkpoint={"checkpoint_id": "nope"}), 404),
    ("POST", "/runs/wait", {"assistant_id": "twintrack"}, 422),
    ("POST", "/threads/{fresh}/runs/wait", {"assistant_id": "twintrack"}, 400),
    ("POST", "/threads/{fresh}/runs", run_of(input=None), 400),
    ("GET", f"/threads/{{own}}/state/{NOWHERE}", None, 404),
    ("GET", "/threads/{own}/state/{other_version}", None, 404),
    ("POST", "/threads/{own}/state/checkpoint", {"checkpoint": {"checkpoint_id": NOWHERE}}, 404),
    ("POST", "/threads/{own}/state", {"values": {"messages": 3}}, 422),
    ("POST", "/threads/{own}/state", {"values": {"messages": []}, "checkpoint": {"checkpoint_id": NOWHERE}}, 404),
    ("POST", "/threads/{own}/state", {"values": {"messages": [{"role": "remove", "content": "", "id": "x"}]}}, 400),
    ("POST", "/threads/{other}/state", {"values": {}}, 403),
    ("POST", "/threads/{other}/history", {}, 403),
    ("GET", "/threads/{other}/state/{other_version}", None, 403),
    ("GET", f"/twintrack/versions/{NOWHERE}", None, 404),
    ("GET", "/twintrack/versions/{other}/show", None, 403),
    ("GET", f"{VERSIONS}?limit={'9' * 5000}", None, 400),
    ("GET", f"{VERSIONS}/show?version={{other_version}}", None, 404),
    ("POST", f"{VERSIONS}/rollback", {"to": "{other_version}", "reason": "x"}, 404),
    ("POST", f"{VERSIONS}/rollback", {"to": HALF, "reason": "x"}, 422),
    ("POST", f"{VERSIONS}/rollback", {"to": "{own_version}", "reason": "x" * 2001}, 400),
    ("POST", f"{VERSIONS}/rollback", b"{", 400),
    ("POST", "/twintrack/versions/{other}/rollback", {"to": "{other_version}", "reason": "x"}, 403),
    ("POST", f"{VERSIONS}/save", {"name": "\x00"}, 400),
    ("POST", f"{VERSIONS}/fork", {"to_thread": "{other}"}, 400),
    ("GET", "/twintrack/audit?thread_id={other}", None, 403),
    ("GET", "/twintrack/memory?user_id=bob", None, 403),
    ("POST", "/twintrack/reveal", {"texts": [HALF]}, 422),
]


def filled(value: Any, names: dict[str, str]) -> Any:
    """Return a text, or JSON, with the names in it filled in."""
    if isinstance(value, bytes):
        return value
    for name, meaning in names.items():
        value = value.replace(f"{{{name}}}", meaning)
    return value


async def test_what_cannot_be_used_is_refused_in_one_line_and_thread_and_server_live_on(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    names = {"own": await begun(ann), "other": await begun(bob, f"What is {SECRET}?")}
    names["fresh"] = str((await ann.post("/threads", json={})).json()["thread_id"])
    for which, client in (("own", ann), ("other", bob)):
        listed = (await client.get(f"/twintrack/versions/{names[which]}")).json()["versions"]
        names[f"{which}_version"] = listed[0]["id"]
    wrong = []
    for method, path, body, status in REFUSED:
        content = body if isinstance(body, bytes) or body is None else json.dumps(body)
        answer = await ann.request(method, filled(path, names), content=filled(content, names) if content else content)
        says = answer.json() if answer.headers.get("content-type") == "application/json" else {}
        told = says.get("detail") or (says.get("error") and says.get("fix"))
        if answer.status_code != status or not told or "Traceback" in answer.text or SECRET in answer.text:
            wrong.append((method, path, str(body)[:80], answer.status_code, answer.text[:200]))
    assert wrong == []
    assert [
        one["content"] for one in (await ask(ann, names["own"], "And the fee?"))["messages"] if one["type"] == "human"
    ] == [
        "What is the monthly fee?",
        "And the fee?",
    ]


@pytest.mark.parametrize("question", ["", "   ", "\x00", None, "x" * 20_001])
async def test_a_question_that_cannot_be_asked_is_a_labelled_refusal(ann: httpx.AsyncClient, question: Any) -> None:
    thread = await begun(ann)
    answer = await ann.post(f"/threads/{thread}/runs/wait", json=run_of(question))
    told = answer.json()["answer"]
    assert (answer.status_code, told["status"]) == (200, "refused")
    assert told["text"].endswith(".")


@pytest.mark.parametrize("question", ["a\x00b\x1b[31m fee", "\u202efee"])
async def test_control_characters_are_left_out_of_a_question(ann: httpx.AsyncClient, question: str) -> None:
    state = await ask(ann, await begun(ann), question)
    said = [one["content"] for one in state["messages"] if one["type"] == "human"][-1]
    assert said.isprintable()


@pytest.mark.parametrize(
    "headers", [{}, {"X-Api-Key": "wrong"}, {"Authorization": "Basic x"}, {"Authorization": "Bearer"}]
)
async def test_a_request_that_names_no_user_is_refused(server: LanggraphDev, headers: dict[str, str]) -> None:
    async with httpx.AsyncClient(base_url=server.url, headers=headers) as nobody:
        for method, path in (("POST", "/threads"), ("POST", "/runs/wait"), ("GET", "/twintrack/memory")):
            answer = await nobody.request(method, path, json=run_of() if method == "POST" else None)
            assert answer.status_code == 401
            assert answer.json() == {"detail": "The API key is missing or wrong."}


async def test_an_approval_is_given_by_its_owner_in_words_that_can_be_used(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    thread = await begun(ann, "What is 17 * 23?")

    async def answer(client: httpx.AsyncClient, given: Any) -> httpx.Response:
        body = {"assistant_id": "twintrack", "command": {"resume": given}}
        return await client.post(f"/threads/{thread}/runs/wait", json=body)

    assert (await answer(bob, {"decisions": [{"type": "approve"}]})).status_code == 403
    unusable: list[Any] = [True, [], {"decisions": []}, {"decisions": [{"type": "accept"}]}]
    for bad in unusable:
        refused = await answer(ann, bad)
        assert (refused.status_code, "Fix: send" in refused.text) == (400, True)
    done = await answer(ann, {"decisions": [{"type": "approve"}]})
    assert "391" in done.json()["answer"]["text"]
    assert (await answer(ann, {"decisions": [{"type": "approve"}]})).status_code == 409
