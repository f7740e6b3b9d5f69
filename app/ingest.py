"""`twintrack ingest`: read files and folders into the corpus."""

import dataclasses
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from twintrack.app import stopping
from twintrack.app.owner_options import owner_options
from twintrack.app.screen import say, screen
from twintrack.core.context import Identity
from twintrack.core.errors import DocumentError
from twintrack.core.ingest_report import IngestReport

_SHOWN = 20


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--corpus", default=None, help="Name of the corpus; the setting's without it.")
@click.option("--private", is_flag=True, help="Only this user will find the documents.")
@click.option(
    "--reader", "readers", multiple=True, help="Who will find them: user:NAME or group:NAME; may be repeated."
)
@owner_options
def command(
    paths: tuple[Path, ...],
    corpus: str | None,
    private: bool,
    readers: tuple[str, ...],
    user: str,
    tenant: str,
    as_json: bool,
) -> None:
    """Read the files and folders at PATHS; what did not change is skipped, what is gone is dropped.

    It may be stopped at any time: documents already read are kept, and the next run goes on from there.
    A document read in again for other readers is theirs from then on; another user's private copy stays his.

    The exit code is 1 where anything could not be read, though the rest is kept.
    Files of other kinds are passed over and counted.
    """
    report, what_runs = stopping.run(_ingest(paths, corpus, Identity(tenant, user), private=private, readers=readers))
    nothing = nothing_read(report)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(report), ensure_ascii=False))
        sys.exit(int(bool(nothing or report.failed)))
    if nothing is None or len(report.failed) > 1:
        say(screen(stderr=True), what_runs, "dim")
        show_report(report)
    if nothing:
        raise nothing
    if report.failed:
        sys.exit(1)


async def _ingest(
    paths: tuple[Path, ...], corpus: str | None, identity: Identity, **who: Any
) -> tuple[IngestReport, str]:
    """Return the report, and the line that says which Redis holds it."""
    from twintrack.app.open_corpus import open_corpus, with_corpus
    from twintrack.app.progress import progress_bar
    from twintrack.core.settings import load_settings

    async with open_corpus(with_corpus(load_settings(), corpus)) as opened:
        with progress_bar("Reading") as progress:
            report = await opened.ingest(paths, identity=identity, progress=progress, **who)
        return report, await opened.where()


def show_report(report: IngestReport) -> None:
    """Print what was read, and on standard error what was not and why."""
    new = report.read - report.skipped - report.replaced
    counts = {"new": new, "changed": report.replaced, "unchanged": report.skipped, "removed": report.removed}
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none new"
    documents = f"{report.read} document{'' if report.read == 1 else 's'}"
    say(screen(), f"Read {documents} in {report.seconds:.1f} s: {told}; {report.passages} passages written.")
    if report.moved:
        say(screen(), f"Now found by the readers named only: {report.moved} dropped that stood under others.")
    errors = screen(stderr=True)
    if report.passed_over:
        files = f"{report.passed_over} file{'' if report.passed_over == 1 else 's'}"
        say(errors, f"Passed over: {files} of a kind that cannot be read.")
    _list(
        f"Guessed: {file} tells no encoding and was read as {name}. Fix: save it as UTF-8 if it reads wrong."
        for file, name in report.guessed.items()
    )
    _list(f"Not read: {failure.problem} Fix: {failure.fix}" for failure in report.failed)


def _list(lines: Iterable[str]) -> None:
    told = list(lines)
    for line in told[:_SHOWN]:
        say(screen(stderr=True), line)
    if len(told) > _SHOWN:
        say(screen(stderr=True), f"... and {len(told) - _SHOWN} more; --json lists them all.")


def nothing_read(report: IngestReport) -> DocumentError | None:
    """Return the error of a run that found no document at all."""
    if report.read or report.removed:
        return None
    if len(report.failed) == 1:
        return DocumentError(report.failed[0].problem, fix=report.failed[0].fix)
    fix = "see the reasons above" if report.failed else "name files that hold text"
    return DocumentError("Nothing could be read.", fix=fix)
