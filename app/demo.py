"""`twintrack demo`: the whole product on a folder of documents, in one screen."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from twintrack.app import stopping
from twintrack.app.answer import Answer
from twintrack.app.application import App
from twintrack.app.demo_questions import Questions, choose
from twintrack.app.ingest import nothing_read, show_report
from twintrack.app.progress import progress_bar
from twintrack.app.refusals import exit_where_refused
from twintrack.app.screen import heading, say, screen
from twintrack.app.show_answer import show
from twintrack.app.traces import print_trace
from twintrack.app.version_tables import print_versions
from twintrack.core.context import Identity
from twintrack.core.errors import TwintrackError
from twintrack.core.ingest_report import IngestReport
from twintrack.core.settings import Settings, load_settings

WHO = Identity("demo", "demo")
"""A tenant of its own: what the demo reads and says never mixes with anyone's."""


@click.command()
@click.option(
    "--docs", type=click.Path(path_type=Path), default=Path("docs"), show_default=True, help="Folder or file to read."
)
@click.option("--direct", default=None, help="A question for the direct track; one is made from the folder without it.")
@click.option("--complex", "complex_", default=None, help="A task for the team; one is made without it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(docs: Path, direct: str | None, complex_: str | None, as_json: bool) -> None:
    """Ingest a folder, ask a direct question and a complex one, and show what happened."""
    import twintrack.app.assemble  # noqa: F401 - here Ctrl-C ends it at once; within the loop an import is waited for

    exit_where_refused(stopping.run((_told if as_json else _shown)(docs, direct, complex_)))


async def _shown(docs: Path, direct: str | None, complex_: str | None) -> tuple[TwintrackError, ...]:
    """Show it to a person; return which models of the settings were turned away."""
    from twintrack.app.assemble import open_app

    settings, questions = await _prepared(docs, direct, complex_)
    console = screen()
    async with open_app(settings) as app:
        say(console, await app.parts.source.describe(), "dim")
        say(console, app.mode, "dim")
        show_report(await _ingest(app, docs))
        await _ask(app, console, "A direct question", questions.direct)
        answer = await _ask(app, console, "A complex task", questions.complex)
        await _aftermath(app, console, answer)
    heading(console, "Your turn")
    say(console, f"{_program()} chat --tenant {WHO.tenant_id}")
    return app.refusals


async def _told(docs: Path, direct: str | None, complex_: str | None) -> tuple[TwintrackError, ...]:
    """Print the same as one JSON object."""
    from twintrack.app.assemble import open_app

    settings, questions = await _prepared(docs, direct, complex_)
    told: dict[str, Any] = {}
    async with open_app(settings) as app:
        told["ingest"] = dataclasses.asdict(await _ingest(app, docs))
        for track, question in dataclasses.asdict(questions).items():
            answer = await app.ask(question, user_id=WHO.user_id, tenant_id=WHO.tenant_id)
            told[track] = {"question": question} | answer.model_dump(mode="json")
            versions = await app.versions.list(answer.thread_id, identity=WHO)
            told["versions"] = [version.to_json() for version in versions]
    click.echo(json.dumps(told, ensure_ascii=False, default=str))
    return app.refusals


async def _prepared(docs: Path, direct: str | None, complex_: str | None) -> tuple[Settings, Questions]:
    settings = load_settings()
    limit = int(settings.retrieval.max_file_mb * 1e6)
    return settings, await choose(docs, direct=direct, complex_=complex_, max_bytes=limit)


async def _ingest(app: App, docs: Path) -> IngestReport:
    with progress_bar("Reading") as progress:
        report = await app.corpus.ingest([docs], identity=WHO, progress=progress)
    if error := nothing_read(report):
        raise error
    return report


async def _ask(app: App, console: Console, title: str, question: str) -> Answer:
    heading(console, title)
    say(console, question, "bold")
    console.print()
    with console.status("[dim]thinking[/dim]"):
        answer = await app.ask(question, user_id=WHO.user_id, tenant_id=WHO.tenant_id)
    show(answer, console)
    return answer


async def _aftermath(app: App, console: Console, answer: Answer) -> None:
    heading(console, "Its versions")
    print_versions(console, await app.versions.list(answer.thread_id, identity=WHO))
    heading(console, "Its trace")
    if trace := await app.trace(answer, user_id=WHO.user_id, tenant_id=WHO.tenant_id):
        print_trace(trace, console)


def _program() -> str:
    """Return how this program was called, so that the next command can be copied."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "twintrack" and called.parent.name else "twintrack"
