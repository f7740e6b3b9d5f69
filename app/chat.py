"""`twintrack chat`: talk, and see what happens."""

import asyncio
import json
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import click

from twintrack.app import stopping
from twintrack.app.answer import Answer
from twintrack.app.chat_commands import COMMANDS, DECIDE, HELP
from twintrack.app.conversation import Conversation
from twintrack.app.live_turn import LiveTurn
from twintrack.app.owner_options import options_of, owner_options
from twintrack.app.refusals import exit_where_refused
from twintrack.app.screen import say, screen
from twintrack.app.show_answer import show
from twintrack.app.show_steps import step_line
from twintrack.app.typed_lines import typed_lines
from twintrack.core.errors import TwintrackError, Unavailable
from twintrack.core.redis_errors import translated

_KEPT = "Steps that finished are kept: /continue goes on from there, or ask again."


@click.command()
@click.option("--thread", default=None, help="Conversation to go on with; a new one without it.")
@owner_options
def command(thread: str | None, user: str, tenant: str, as_json: bool) -> None:
    """Talk; type /help for what else can be done, Ctrl-D to leave.

    With --json, questions are read from standard input. Ctrl-C stops the turn that runs; the conversation goes on, and steps that finished are kept.
    """
    import twintrack.app.assemble  # noqa: F401 - here Ctrl-C ends it at once; within the loop an import is waited for

    stopping.run((_answers if as_json else _chat)(thread or uuid.uuid4().hex[:12], user, tenant))


async def _chat(thread: str, user: str, tenant: str) -> None:
    async with _opened(thread, user, tenant) as chat:
        say(screen(stderr=True), await chat.app.parts.source.describe(), "dim")
        say(chat.console, chat.app.mode, "dim")
        say(chat.console, f"Thread {thread}; come back to it with: {_return(chat)}", "dim")
        say(chat.console, "/help lists the commands, Ctrl-D leaves.", "dim")
        await tell_unfinished(chat)
        warming = asyncio.ensure_future(chat.app.parts.resources.embedder.embed_one("?"))  # while the person types
        async for line in typed_lines():
            await _stoppable(chat, take(chat, line))
        warming.cancel()
        say(chat.console, f"Bye. The conversation is kept: {_return(chat)}", "dim")


async def _answers(thread: str, user: str, tenant: str) -> None:
    """Answer each line of the input and print all the answers as one object."""
    async with _opened(thread, user, tenant) as chat:
        answers = [await chat.app.ask(line, thread_id=thread, **chat.who) async for line in typed_lines()]
    turns = [answer.model_dump(mode="json") for answer in answers]
    click.echo(json.dumps({"thread_id": thread, "answers": turns}, ensure_ascii=False))
    exit_where_refused(chat.app.refusals)
    sys.exit(int(any(answer.status == "failed" for answer in answers)))


@asynccontextmanager
async def _opened(thread: str, user: str, tenant: str) -> AsyncIterator[Conversation]:
    from twintrack.app.assemble import open_app

    async with open_app() as app:
        yield Conversation(app, screen(), thread, user, tenant)


async def tell_unfinished(chat: Conversation) -> None:
    """Show what the last turn on the thread still needs, where it did not end."""
    chat.last = await chat.app.unfinished(chat.thread_id, **chat.who)
    if chat.last is None:
        return
    if chat.last.interrupts:
        show(chat.last, chat.console)
        say(chat.console, DECIDE, "yellow")
    else:
        say(chat.console, f"The last turn here was broken off. {_KEPT}", "yellow")


async def _stoppable(chat: Conversation, turn: Coroutine[Any, Any, None]) -> None:
    """Run one turn; where a person sits at it, Ctrl-C ends the turn and not the conversation."""
    running = asyncio.ensure_future(turn)
    before = signal.getsignal(signal.SIGINT)
    if sys.stdin.isatty():
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        if asyncio.current_task().cancelling():  # type: ignore[union-attr] # a coroutine runs in a task
            raise
        say(chat.console, f"Stopped. {_KEPT}", "yellow")
    except TwintrackError as error:
        say(chat.console, str(error), "red")
        if isinstance(error, Unavailable):
            say(chat.console, f"Then: {_KEPT[0].lower()}{_KEPT[1:]}", "yellow")
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)


async def take(chat: Conversation, line: str) -> None:
    """Do what a typed line says: a command, or a question."""
    name, _, argument = line.partition(" ")
    async with translated():
        if not name.startswith("/"):
            chat.last = await ask(chat, line)
        elif run := COMMANDS.get(name):
            await run(chat, argument.strip())
        else:
            say(chat.console, f"There is no {name}. {HELP}")


async def ask(chat: Conversation, question: str) -> Answer | None:
    """Stream one turn to the screen."""
    answer: Answer | None = None
    with LiveTurn(chat.console) as live:
        async for event in chat.app.stream(question, thread_id=chat.thread_id, **chat.who):
            if event.kind == "step":
                live.step(step_line(event))
            elif event.kind == "token":
                live.token(event.token)
            else:
                answer = event.answer
    if answer is not None:
        chat.console.print()
        show(answer, chat.console, steps=False)
        if answer.interrupts:
            say(chat.console, DECIDE, "yellow")
        for refusal in chat.app.refusals:
            say(chat.console, str(refusal), "red")
        chat.console.print()
    return answer


def _return(chat: Conversation) -> str:
    """Return the command that goes on with the conversation."""
    return f"twintrack chat --thread {chat.thread_id}{options_of(chat.user_id, chat.tenant_id)}"
