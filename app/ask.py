"""`twintrack ask`: one question, one cited answer."""

import sys
import uuid
from typing import TYPE_CHECKING

import click

from twintrack.app import stopping
from twintrack.app.owner_options import options_of, owner_options
from twintrack.core.context import Identity
from twintrack.core.errors import Unavailable

if TYPE_CHECKING:
    from twintrack.app.answer import Answer
    from twintrack.app.application import App

_NOT_DONE = frozenset({"failed", "refused"})


@click.command()
@click.argument("question", required=False)
@click.option("--thread", default=None, help="Conversation to go on with; a new one without it.")
@click.option("--resume", default=None, metavar="THREAD", help="Go on with the turn that was broken off on THREAD.")
@owner_options
def command(
    question: str | None, thread: str | None, resume: str | None, user: str, tenant: str, as_json: bool
) -> None:
    """Answer QUESTION with citations; `-` reads it from standard input.

    The exit code is 1 where the question is refused, where the turn fails, and where a provider turns a model of the
    settings away: what could be answered without that model is printed all the same.
    """
    if (question is None) == (resume is None) or (resume and thread):
        raise click.UsageError("Give a QUESTION, or --resume THREAD alone.")
    import twintrack.app.assemble  # noqa: F401 - here Ctrl-C ends it at once; within the loop an import is waited for

    text = sys.stdin.read() if question == "-" else question
    if wrong := stopping.run(_ask(text, resume or thread, Identity(tenant, user), as_json)):
        click.echo(f"twintrack: {' '.join(wrong.split())}", err=True)
        sys.exit(1)


async def _ask(question: str | None, thread: str | None, who: Identity, as_json: bool) -> str:
    """Print the answer; return what a person must mend."""
    from twintrack.app.assemble import open_app

    async with open_app() as app:
        if question is None:
            answer = await app.resume(str(thread), user_id=who.user_id, tenant_id=who.tenant_id)
        else:
            answer = await _turn(app, question, thread or uuid.uuid4().hex, who)
        wrong = " ".join(map(str, app.refusals)) or (_why(answer) if answer.status in _NOT_DONE else "")
        if as_json:
            click.echo(answer.model_dump_json(indent=2))
        elif answer.status not in _NOT_DONE:
            _shown(answer, "" if wrong else await app.parts.source.describe())
        return wrong


async def _turn(app: "App", question: str, thread: str, who: Identity) -> "Answer":
    try:
        return await app.ask(question, thread_id=thread, user_id=who.user_id, tenant_id=who.tenant_id)
    except Unavailable as error:
        again = f"twintrack ask --resume {thread}{options_of(who.user_id, who.tenant_id)}"
        raise type(error)(error.problem, fix=f"{error.fix}; then finish the turn with `{again}`") from error


def _shown(answer: "Answer", what_runs: str) -> None:
    from twintrack.app.screen import say, screen
    from twintrack.app.show_answer import show

    if what_runs:
        say(screen(stderr=True), what_runs, "dim")
    show(answer, screen())


def _why(answer: "Answer") -> str:
    """Return the text, which for these says what is wrong and what to do, and the cause where it is not in it."""
    return answer.text if answer.status == "refused" or not answer.reason else f"{answer.text} ({answer.reason})"
