"""`twintrack ask`: one question, one cited answer."""

import asyncio
import sys

import click
from rich.console import Console

from twintrack.app.answer import Answer
from twintrack.app.show_answer import show


@click.command()
@click.argument("question")
@click.option("--thread", default=None, help="Conversation to go on with; a new one without it.")
@click.option("--user", default="local", show_default=True, help="Whose memories and documents.")
@click.option("--tenant", default="default", show_default=True, help="Whose corpus.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer as one JSON object.")
def command(question: str, thread: str | None, user: str, tenant: str, as_json: bool) -> None:
    """Answer QUESTION with citations; `-` reads it from standard input."""
    text = sys.stdin.read() if question == "-" else question
    answer = asyncio.run(_ask(text, thread, user, tenant))
    if as_json:
        click.echo(answer.model_dump_json(indent=2))
    else:
        show(answer, Console())
    if answer.status == "failed":
        sys.exit(1)


async def _ask(question: str, thread: str | None, user: str, tenant: str) -> Answer:
    from twintrack.app.assemble import open_app

    async with open_app() as app:
        return await app.ask(question, thread_id=thread, user_id=user, tenant_id=tenant)
