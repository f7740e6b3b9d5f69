"""`twintrack eval weigh`: choose the mix of words and meaning for a corpus."""

import asyncio
from pathlib import Path

import click

from twintrack.core.context import Identity
from twintrack.evals.own_corpus import ingest, own_corpus
from twintrack.evals.row_checks import asks
from twintrack.evals.rows import read_rows
from twintrack.evals.show import Figures, show

_FILE = click.Path(path_type=Path)


@click.command()
@click.option("--passages", required=True, type=_FILE, help="Documents, as JSON lines.")
@click.option("--data", required=True, type=_FILE, help="Questions, as JSON lines.")
@click.option("--limit", type=click.IntRange(4), default=None, help="Rows to ask; all without it.")
@click.option("--seed", default=0, show_default=True, help="Chooses the rows, with --limit.")
@click.option("--out", type=_FILE, default=None, help="Settings file that gets the weight; judged only, without it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def weigh(passages: Path, data: Path, limit: int | None, seed: int, out: Path | None, as_json: bool) -> None:
    """Choose on half of the questions how much meaning counts beside words, and judge it on the other half."""
    show(asyncio.run(_weighed(passages, data, limit, seed, out)), as_json)


async def _weighed(passages: Path, data: Path, limit: int | None, seed: int, out: Path | None) -> Figures:
    from twintrack.app.progress import progress_bar
    from twintrack.core.corpus import Corpus
    from twintrack.core.embeddings import open_embedder
    from twintrack.core.redis_client import RedisSource
    from twintrack.evals import weigh as judge

    settings, rows = own_corpus(passages), read_rows(data, limit=limit, seed=seed, check=asks)
    source, embedder = RedisSource(settings.redis), open_embedder(settings.models)
    try:
        await ingest(Corpus(source, embedder, settings.retrieval).ingest, passages)
        with progress_bar("Weighing") as tick:
            figures = await judge.run(
                lambda chosen: Corpus(source, embedder, chosen),
                settings.retrieval,
                embedder,
                rows,
                identity=Identity("eval"),
                tick=tick,
            )
    finally:
        await source.aclose()
    if out is not None:
        judge.write(figures, out)
    return figures
