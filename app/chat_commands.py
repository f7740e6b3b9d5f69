"""What a person can do in a chat besides asking."""

from collections.abc import Awaitable, Callable

from rich.markup import escape
from rich.table import Table

from twintrack.app.conversation import Conversation
from twintrack.app.screen import say
from twintrack.app.show_answer import show
from twintrack.app.traces import print_trace
from twintrack.app.version_tables import print_versions
from twintrack.core.context import Identity
from twintrack.core.errors import UnknownThread

Run = Callable[[Conversation, str], Awaitable[None]]

DECIDE = "/approve lets it run, /reject refuses it."
HELP = "/help lists the commands."
_ANSWER_CHARS = 80
_MEANINGS = {
    "/versions [all]": "where each turn ended, newest first; all: every step",
    "/rollback VERSION [REASON]": "go on from an earlier version; nothing is deleted",
    "/memory [TEXT]": "what is remembered of you, or what TEXT brings back",
    "/trace": "what the last turn did, step by step",
    "/continue": "go on with a turn that was broken off",
    "/approve": "let the waiting actions run",
    "/reject": "refuse the waiting actions",
    "/help": "this list",
}


async def versions(chat: Conversation, which: str) -> None:
    """List the thread's versions: where turns ended and what was named or gone back to, or all of them."""
    try:
        listed = await chat.app.versions.list(chat.thread_id, identity=_identity(chat))
    except UnknownThread:
        listed = []
    told = [one for one in listed if which == "all" or not one.next or one.name or one.reason or one.is_head]
    if told:
        print_versions(chat.console, told)
    else:
        say(chat.console, "This conversation has no version yet: ask something.")


async def rollback(chat: Conversation, argument: str) -> None:
    """Go back to a version; nothing is deleted."""
    to, _, reason = argument.partition(" ")
    if not to:
        say(chat.console, "Say which version: /rollback VERSION [REASON]; /versions lists them.")
        return
    version = await chat.app.versions.rollback(
        chat.thread_id, to, reason=reason or "asked for in chat", actor=chat.user_id, identity=_identity(chat)
    )
    say(chat.console, f"Back at {to}; the conversation goes on from {version.id}.")


async def memory(chat: Conversation, text: str) -> None:
    """Show what is remembered of the user, or what TEXT brings back."""
    identity = _identity(chat)
    if text:
        vector = await chat.app.parts.resources.embedder.embed_one(text)
        recalled = await chat.app.memory.recall(text, vector, identity=identity, thread_id=chat.thread_id)
        facts, episodes = recalled["facts"], recalled["episodes"]
    else:
        facts = await chat.app.memory.facts.list(identity)
        episodes = await chat.app.memory.episodes.list(identity)
    table = Table("tier", "what", box=None, pad_edge=False)
    for fact in facts:
        table.add_row("fact", escape(fact["text"]))
    for episode in episodes:
        table.add_row("turn", escape(f"{episode['question']} → {_short(episode['answer'])}"))
    chat.console.print(table if table.row_count else "Nothing is remembered yet.")


async def trace(chat: Conversation, _: str) -> None:
    """Print the last turn's trace."""
    if chat.last is None or not chat.last.trace_id:
        chat.console.print("Ask something first.")
        return
    found = await chat.app.trace(chat.last, **chat.who)
    if found:
        print_trace(found, chat.console)
    else:
        chat.console.print("No trace was kept: TWINTRACK_TRACING__KEEP_LOCAL is 0.")


async def approve(chat: Conversation, _: str) -> None:
    """Let the waiting actions run."""
    await _decide(chat, "approve")


async def reject(chat: Conversation, _: str) -> None:
    """Refuse the waiting actions."""
    await _decide(chat, "reject")


async def continue_(chat: Conversation, _: str) -> None:
    """Go on with the turn that was broken off."""
    try:
        chat.last = await chat.app.resume(chat.thread_id, None, **chat.who)
    except UnknownThread:
        say(chat.console, "This conversation has no turn to go on with: ask something.")
    else:
        show(chat.last, chat.console)


async def help_(chat: Conversation, _: str) -> None:
    """List the commands."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, meaning in _MEANINGS.items():
        table.add_row(escape(name), meaning)
    chat.console.print(table)


async def _decide(chat: Conversation, decision: str) -> None:
    if chat.last is None or not chat.last.interrupts:
        chat.console.print("Nothing waits for a decision.")
        return
    count = sum(len(asked["action_requests"]) for asked in chat.last.interrupts)
    chat.last = await chat.app.resume(chat.thread_id, [{"type": decision}] * count, **chat.who)
    show(chat.last, chat.console)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _ANSWER_CHARS else line[: _ANSWER_CHARS - 1] + "…"


def _identity(chat: Conversation) -> Identity:
    return Identity(chat.tenant_id, chat.user_id)


COMMANDS: dict[str, Run] = {
    "/approve": approve,
    "/continue": continue_,
    "/help": help_,
    "/memory": memory,
    "/reject": reject,
    "/rollback": rollback,
    "/trace": trace,
    "/versions": versions,
}
