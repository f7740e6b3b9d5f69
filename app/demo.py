"""`twintrack demo`: the whole product on a folder of documents, in one screen."""

import asyncio
from pathlib import Path

import click
from rich.console import Console
from rich.rule import Rule

from twintrack.app.answer import Answer
from twintrack.app.application import App
from twintrack.app.show_answer import show
from twintrack.app.show_versions import version_table
from twintrack.app.traces import print_trace
from twintrack.core.context import Identity

WHO = Identity("default", "demo")
DIRECT = "What does the embedded Redis do when the server dies?"
COMPLEX = "What does step-down mean, and which rail masks personal data? Also compute 17 * 23 + 5."


@click.command()
@click.option(
    "--docs", type=click.Path(path_type=Path), default=Path("docs"), show_default=True, help="Folder to read."
)
@click.option("--direct", default=DIRECT, help="A question for the direct track.")
@click.option("--complex", "complex_", default=COMPLEX, help="A task for the team.")
def command(docs: Path, direct: str, complex_: str) -> None:
    """Ingest a folder, ask a direct question and a complex one, and show what happened."""
    asyncio.run(_demo(docs, direct, complex_))


async def _demo(docs: Path, direct: str, complex_: str) -> None:
    from twintrack.app.assemble import open_app

    console = Console()
    async with open_app() as app:
        console.print(await app.parts.source.describe(), markup=False, highlight=False)
        console.print(app.mode, markup=False, highlight=False)
        report = await app.corpus.ingest([docs], identity=WHO)
        console.print(str(report), markup=False, highlight=False)
        await _ask(app, console, "A direct question", direct)
        answer = await _ask(app, console, "A complex task", complex_)
        await _aftermath(app, console, answer)
    console.print("\nTalk to it: .venv/bin/twintrack chat --user demo")


async def _ask(app: App, console: Console, title: str, question: str) -> Answer:
    console.print(Rule(title, align="left"))
    console.print(question, style="bold", markup=False)
    answer = await app.ask(question, user_id=WHO.user_id)
    show(answer, console)
    return answer


async def _aftermath(app: App, console: Console, answer: Answer) -> None:
    console.print(Rule("Its versions", align="left"))
    console.print(version_table(await app.versions.list(answer.thread_id, identity=WHO)))
    console.print(Rule("Its trace", align="left"))
    if trace := await app.trace(answer, user_id=WHO.user_id):
        print_trace(trace, console)
