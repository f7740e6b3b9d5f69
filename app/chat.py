"""`twintrack chat`: talk, and see what happens."""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import click
from prompt_toolkit import PromptSession
from rich.console import Console

from twintrack.app.answer import Answer
from twintrack.app.application import App
from twintrack.app.chat_commands import COMMANDS, HELP
from twintrack.app.show_answer import show
from twintrack.core.errors import TwintrackError


@dataclass(slots=True)
class Conversation:
    """Where one chat stands."""

    app: App
    console: Console
    thread_id: str
    user_id: str
    tenant_id: str
    last: Answer | None = field(default=None)

    @property
    def who(self) -> dict[str, str]:
        """Return the caller's identity as keyword arguments."""
        return {"user_id": self.user_id, "tenant_id": self.tenant_id}


@click.command()
@click.option("--thread", default=None, help="Conversation to go on with; a new one without it.")
@click.option("--user", default="local", show_default=True, help="Whose memories and documents.")
@click.option("--tenant", default="default", show_default=True, help="Whose corpus.")
def command(thread: str | None, user: str, tenant: str) -> None:
    """Talk; type /help for what else can be done, Ctrl-D to leave."""
    asyncio.run(_chat(thread or uuid.uuid4().hex[:12], user, tenant))


async def _chat(thread: str, user: str, tenant: str) -> None:
    from twintrack.app.assemble import open_app

    console = Console()
    async with open_app() as app:
        chat = Conversation(app, console, thread, user, tenant)
        console.print(f"Thread {thread}. {app.mode} /help lists the commands.")
        async for line in _lines(console):
            try:
                await _turn(chat, line.strip())
            except TwintrackError as error:
                console.print(str(error), style="red", markup=False)


async def _turn(chat: Conversation, line: str) -> None:
    if not line:
        return
    name, _, argument = line.partition(" ")
    if name.startswith("/"):
        run = COMMANDS.get(name)
        if run is None:
            chat.console.print(f"No command {name}. {HELP}")
        else:
            await run(chat, argument.strip())  # pyright: ignore[reportArgumentType] # it reads a linked file twice
        return
    chat.last = await ask(chat, line)


async def ask(chat: Conversation, question: str) -> Answer | None:
    """Stream one turn to the screen."""
    streamed = False
    answer: Answer | None = None
    async for event in chat.app.stream(question, thread_id=chat.thread_id, **chat.who):
        if event.kind == "step" and not streamed:
            chat.console.print(f"  · {event.step} {event.detail}".rstrip(), style="dim", markup=False, highlight=False)
        elif event.kind == "token":
            streamed = True
            chat.console.print(event.token, end="", markup=False, highlight=False)
        elif event.answer is not None:
            answer = event.answer
    if answer is not None:
        chat.console.print()
        show(answer, chat.console)
    return answer


async def _lines(console: Console) -> AsyncIterator[str]:
    """Yield what is typed; Ctrl-D ends the conversation, Ctrl-C drops the line being typed."""
    if not sys.stdin.isatty():
        while line := await asyncio.to_thread(sys.stdin.readline):
            yield line
        return
    session: PromptSession[str] = PromptSession()
    while True:
        try:
            yield await session.prompt_async("you> ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            console.print("Bye. The conversation is kept.")
            return
