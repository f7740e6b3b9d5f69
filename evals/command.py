"""`twintrack eval`: measure quality on data files that you bring."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click

from twintrack.app import stopping
from twintrack.app.whole_help import WholeHelp
from twintrack.core.context import Identity
from twintrack.core.settings import load_settings
from twintrack.evals.cache_command import cache
from twintrack.evals.multihop_command import multihop
from twintrack.evals.own_corpus import ingest, own_corpus
from twintrack.evals.router_command import router
from twintrack.evals.row_checks import asks, asks_memory, is_judged, is_turn
from twintrack.evals.rows import read_rows
from twintrack.evals.show import Figures, show
from twintrack.evals.tools_command import tools
from twintrack.evals.tune_command import tune

_FILE = click.Path(path_type=Path)


@click.group(cls=WholeHelp)
def command() -> None:
    """Measure quality on data files; with --json the figures are one JSON object."""


command.add_command(cache)
command.add_command(multihop)
command.add_command(router)
command.add_command(tools)
command.add_command(tune)


def _options(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
        click.option("--seed", default=0, show_default=True, help="Chooses the rows, with --limit."),
        click.option("--limit", type=click.IntRange(1), default=None, help="Rows to ask; all without it."),
        click.option("--data", required=True, type=_FILE, help="Questions, as JSON lines."),
        click.option("--passages", required=True, type=_FILE, help="Documents, as JSON lines."),
    ):
        function = option(function)
    return function


@command.command()
@_options
def answers(passages: Path, data: Path, limit: int | None, seed: int, as_json: bool) -> None:
    """Ask the whole product each question and judge answers, citations and abstentions."""
    show(_run(_answers(passages, data, limit, seed)), as_json)


@command.command()
@_options
def retrieval(passages: Path, data: Path, limit: int | None, seed: int, as_json: bool) -> None:
    """Search for each question and judge whether its documents are found."""
    show(_run(_retrieval(passages, data, limit, seed)), as_json)


@command.command()
@click.option("--turns", type=_FILE, default=None, help="Past turns, as JSON lines.")
@click.option("--data", required=True, type=_FILE, help="Questions, as JSON lines.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def memory(turns: Path | None, data: Path, as_json: bool) -> None:
    """Judge what memory finds again of turns and preferences."""
    show(_run(_memory(turns, data)), as_json)


@command.command()
@click.option("--data", required=True, type=_FILE, help="Texts with label 1 (attack) or 0, as JSON lines.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def guardrails(data: Path, as_json: bool) -> None:
    """Judge the injection rail: attacks stopped, and harmless texts stopped wrongly, by source."""
    from twintrack.evals import guardrails as judge

    show(judge.run(read_rows(data, check=is_judged)), as_json)


async def _answers(passages: Path, data: Path, limit: int | None, seed: int) -> Figures:
    from twintrack.app.assemble import open_app
    from twintrack.app.progress import progress_bar
    from twintrack.evals import answers as judge

    rows = read_rows(data, limit=limit, seed=seed, check=asks)
    settings = own_corpus(passages)
    # Traces of an eval would push the user's own out of the local store.
    settings = settings.model_copy(update={"tracing": settings.tracing.model_copy(update={"keep_local": 0})})
    async with open_app(settings) as app:
        await ingest(app.corpus.ingest, passages)
        with progress_bar("Asking") as tick:
            return await judge.run(app, rows, tick=tick)


async def _retrieval(passages: Path, data: Path, limit: int | None, seed: int) -> Figures:
    from twintrack.app.open_corpus import open_corpus
    from twintrack.app.progress import progress_bar
    from twintrack.core.embeddings import open_embedder
    from twintrack.evals import retrieval as judge

    rows = read_rows(data, limit=limit, seed=seed, check=asks)
    settings = own_corpus(passages)
    async with open_corpus(settings) as corpus:
        await ingest(corpus.ingest, passages)
        with progress_bar("Searching") as tick:
            embedder = open_embedder(settings.models)
            return await judge.run(corpus, embedder, rows, identity=Identity("eval"), tick=tick)


async def _memory(turns: Path | None, data: Path) -> Figures:
    from twintrack.core.embeddings import open_embedder
    from twintrack.core.redis_check import check_server
    from twintrack.core.redis_client import RedisSource
    from twintrack.core.redis_errors import translated
    from twintrack.evals import memory as judge

    settings = load_settings()
    source = RedisSource(settings.redis)
    try:
        said = read_rows(turns, check=is_turn) if turns else []
        asked = read_rows(data, check=asks_memory)
        await check_server(source)
        async with translated():
            return await judge.run(said, asked, source=source, embedder=open_embedder(settings.models))
    finally:
        await source.aclose()


def _run(work: Coroutine[Any, Any, Figures]) -> Figures:
    return stopping.run(work)
