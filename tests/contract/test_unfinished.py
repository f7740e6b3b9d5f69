"""Where the last turn on a thread did not end, the application and the chat say so, and finish it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from io import StringIO

import pytest
from rich.console import Console

from tests.contract.conftest import WHO, Opener
from tests.stubbed_models import SIMPLE, Request, stubbed
from tests.waiting import PATIENCE_S
from twintrack.app.assemble import App
from twintrack.app.chat import take, tell_unfinished
from twintrack.app.conversation import Conversation
from twintrack.app.open_questions import open_questions
from twintrack.app.testing import Reply, hangs
from twintrack.core.context import Identity
from twintrack.core.errors import RedisUnavailable
from twintrack.memory.run_lease import run_lease

SUM = "What is 17 * 23?"


@asynccontextmanager
async def broken_off(opener: Opener, user: str) -> AsyncIterator[App]:
    """Leave the thread `t` with a turn that was given up while its answer was written."""
    asked = asyncio.Event()

    def hanging(_: Request) -> Reply:
        asked.set()
        return hangs(PATIENCE_S)

    async with stubbed(opener, seconds=PATIENCE_S, answerer=hanging) as (app, _):
        asking = asyncio.create_task(app.ask(SIMPLE, thread_id="t", user_id=user))
        await asked.wait()
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
        yield app


async def test_a_turn_that_was_broken_off_is_told_until_it_is_finished(opener: Opener) -> None:
    async with broken_off(opener, WHO.user_id) as app:
        stands = await app.unfinished("t", user_id=WHO.user_id)
        assert stands
        assert (stands.status, stands.interrupts, stands.thread_id) == ("interrupted", [], "t")
        assert stands.reason == "the turn was broken off"
    async with stubbed(opener) as (app, _):
        assert (await app.resume("t", user_id=WHO.user_id)).status == "answered"
        assert await app.unfinished("t", user_id=WHO.user_id) is None


async def test_a_turn_that_waits_for_a_person_tells_what_it_asks_its_owner_alone(opener: Opener) -> None:
    async with opener({"team": {"approve": ["calculator"]}}) as app:
        waiting = await app.ask(SUM, thread_id="t", user_id=WHO.user_id)
        stands = await app.unfinished("t", user_id=WHO.user_id)
        assert stands
        assert stands.interrupts == waiting.interrupts
        assert await app.unfinished("t", user_id="eve") is None
        assert await app.unfinished("new", user_id=WHO.user_id) is None


async def screen_of(app: App, user: str, *lines: str) -> str:
    """Come back to the thread `t`, type the lines, and return what stands on the screen."""
    screen = StringIO()
    chat = Conversation(app, Console(file=screen, width=200), "t", user, "default")
    await tell_unfinished(chat)
    for line in lines:
        await take(chat, line)
    return screen.getvalue()


async def test_a_chat_that_is_come_back_to_shows_what_waits_and_takes_the_decision(opener: Opener) -> None:
    async with opener({"team": {"approve": ["calculator"]}}) as app:
        await app.ask(SUM, thread_id="t", user_id=WHO.user_id)
        said = await screen_of(app, WHO.user_id, "/trace", "/approve")
        assert said.index("It waits for your decision") < said.index("/approve lets it run") < said.index("391")
        assert "Ask something first." in said
        assert await screen_of(app, WHO.user_id) == ""


async def test_a_chat_that_is_come_back_to_finishes_what_was_broken_off(opener: Opener) -> None:
    async with broken_off(opener, WHO.user_id):
        pass
    async with opener() as app:
        said = await screen_of(app, WHO.user_id, "/approve", "/continue")
        assert said.index("broken off") < said.index("/continue goes on") < said.index("Nothing waits for a decision.")
        assert "answered ·" in said
        assert await screen_of(app, WHO.user_id) == ""


async def test_a_new_chat_has_nothing_to_list_or_to_go_on_with(app: App) -> None:
    said = await screen_of(app, WHO.user_id, "/versions", "/continue")
    assert said.splitlines() == [
        "This conversation has no version yet: ask something.",
        "This conversation has no turn to go on with: ask something.",
    ]


async def test_a_question_that_its_thread_went_on_without_is_no_longer_listed(opener: Opener) -> None:
    async with opener({"team": {"approve": ["calculator"]}}) as app:
        for thread in ("t", "u"):
            await app.ask(SUM, thread_id=thread, user_id=WHO.user_id)
        listed = await open_questions(app.parts.waiting, app.parts.saver, WHO)
        assert [thread for thread, _ in listed] == ["t", "u"]
        await app.ask("How tall is the lighthouse of the harbour?", thread_id="t", user_id=WHO.user_id)
        listed = await open_questions(app.parts.waiting, app.parts.saver, WHO)
        assert [thread for thread, _ in listed] == ["u"]


class GoneMeanwhile:
    """Stands for a Redis that gives the lease and is gone then."""

    ttl_on_read = b""

    def __init__(self) -> None:
        self.taken = False
        self.heads = self

    def unforesee(self, _thread: str) -> None:
        """Forget nothing."""

    async def run_alone(self, *_: object, beside: str = "") -> list[int]:
        if self.taken:
            raise RedisUnavailable("Redis cannot be reached.", fix="start it")
        self.taken = bool(beside)
        return [1]


async def test_a_run_whose_redis_is_gone_is_not_told_of_another_run() -> None:
    async def work() -> None:
        async with run_lease(GoneMeanwhile(), "t", lease_s=0.1, owner=Identity()):  # type: ignore[arg-type]
            await asyncio.sleep(PATIENCE_S)

    with pytest.raises(RedisUnavailable, match="cannot be reached"):
        await work()
