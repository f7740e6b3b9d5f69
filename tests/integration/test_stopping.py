"""Ctrl-C ends a command with one line and loses nothing; in a chat it ends the turn, and the words stream to a terminal."""

import asyncio
import json
import os
import pty
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.commands import PROGRAM, environment, run, start
from tests.waiting import PATIENCE_S, until
from twintrack.app.testing import Reply, StubServer, hangs, says

pytestmark = pytest.mark.slow

QUESTION = "What is the monthly fee of the Blue Account?"
WRITTEN = "The monthly fee of the Blue Account is $15. [1]"


class Hanging:
    """A model that hangs until it is told not to."""

    def __init__(self) -> None:
        self.hangs = True

    def __call__(self, _: object) -> Reply:
        return hangs(PATIENCE_S) if self.hangs else says(WRITTEN)


def answered_by(server: StubServer) -> dict[str, str]:
    return {
        "TWINTRACK_MODELS__ANSWERER": "openai:stub",
        "TWINTRACK_MODELS__API_KEY": "key",
        "TWINTRACK_MODELS__BASE_URL": server.base_url,
    }


async def until_asked(server: StubServer, times: int = 1) -> None:
    await until(lambda: len(server.requests) >= times)


@pytest.mark.parametrize(
    "command",
    [("ask", QUESTION, "--thread", "t"), ("chat", "--thread", "t"), ("demo", "--docs", "docs", "--direct", QUESTION)],
)
async def test_ctrl_c_is_one_line_and_the_next_run_goes_on(
    filled: str, tmp_path: Path, command: tuple[str, ...]
) -> None:
    model = Hanging()
    async with StubServer(model) as server:
        process = await start(tmp_path, filled, *command, **answered_by(server))
        assert process.stdin
        process.stdin.write(f"{QUESTION}\n".encode())
        await until_asked(server)
        process.send_signal(signal.SIGINT)
        _, errors = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        told = [line for line in errors.decode().splitlines() if line and not line.startswith("Redis ")]
        assert (process.returncode, told) == (130, ["twintrack: Stopped. What was finished is kept."])
        model.hangs = False
        again = ("ask", QUESTION, "--thread", "t", "--json")
        done = await asyncio.to_thread(lambda: run(tmp_path, filled, *again, **answered_by(server)))
    assert "fee of the Blue Account is $15" in json.loads(done.stdout)["text"]


async def test_a_turn_whose_process_was_killed_goes_on_after_its_last_finished_step(
    filled: str, tmp_path: Path
) -> None:
    model = Hanging()
    async with StubServer(model) as server:
        process = await start(tmp_path, filled, "ask", QUESTION, "--thread", "t", **answered_by(server))
        await until_asked(server)
        process.kill()
        await process.communicate()
        model.hangs = False
        again = ("ask", "--resume", "t", "--json")
        done = await asyncio.to_thread(lambda: run(tmp_path, filled, *again, **answered_by(server)))
        stranger = await asyncio.to_thread(lambda: run(tmp_path, filled, *again, "--user", "eve"))
        nothing = await asyncio.to_thread(lambda: run(tmp_path, filled, *again))
    answer = json.loads(done.stdout)
    assert (answer["status"], answer["thread_id"]) == ("answered", "t")
    assert "fee of the Blue Account is $15" in answer["text"]
    assert "no thread 't'" in stranger.stderr
    assert "Nothing waits" in nothing.stderr


async def test_ctrl_c_ends_a_chat_that_waits_for_a_line_from_a_pipe(filled: str, tmp_path: Path) -> None:
    process = await start(tmp_path, filled, "chat")
    assert process.stdout
    assert b"Extractive" in await process.stdout.readline()
    await process.stdout.readline()
    await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(PATIENCE_S):
        assert await process.wait() == 130


class Terminal:
    """A chat on a terminal of 80 columns, as a person has it before them."""

    def __init__(self, folder: Path, redis_url: str, **settings: str) -> None:
        self._master, slave = pty.openpty()
        extra = {"TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1", "COLUMNS": "80", "LINES": "24"}
        self.process = subprocess.Popen(
            [*PROGRAM, "chat", "--thread", "t"],
            env=environment(redis_url, settings | extra),
            cwd=folder,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.screen = ""

    async def until(self, pattern: str) -> None:
        """Read the screen until the pattern stands on it, and forget what stood there."""
        async with asyncio.timeout(PATIENCE_S):
            while not (found := re.search(pattern, self.screen, re.DOTALL)):
                self.screen += (await asyncio.to_thread(os.read, self._master, 65536)).decode(errors="replace")
        self.seen, self.screen = self.screen[: found.end()], self.screen[found.end() :]

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._master, text.encode())

    def close(self) -> None:
        """End the chat, whatever it does."""
        self.process.kill()
        self.process.wait()
        os.close(self._master)


async def test_a_chat_streams_stops_a_turn_and_goes_on(filled: str, tmp_path: Path) -> None:
    model = Hanging()
    async with StubServer(model) as server:
        chat = Terminal(tmp_path, filled, **answered_by(server))
        try:
            await chat.until(r"come back to it with.*--thread t.*you>")
            chat.type(f"{QUESTION}\r")
            await chat.until(r"direct \(")
            await until_asked(server)
            chat.process.send_signal(signal.SIGINT)
            await chat.until(r"Stopped\. Steps that finished are kept.*you>")
            model.hangs = False
            chat.type("/continue\r")
            await chat.until(r"fees\.md:3.*you>")
            chat.type(f"{QUESTION}\r")
            await chat.until(r"fees\.md:3")
            assert chat.seen.count("The monthly fee") > 2, "the words were not shown as they came"
            chat.type("half a line")
            await chat.until("line")
            chat.type("\x03")
            await chat.until("you>")
            chat.type("/versions\r")
            await chat.until(r">.*1f[0-9a-f-]{34}.*you>")
            chat.type("\x04")
            await chat.until("Bye. The conversation is kept")
            assert await asyncio.to_thread(chat.process.wait, PATIENCE_S) == 0
        finally:
            chat.close()
