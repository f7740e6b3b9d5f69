"""`twintrack eval cache`: judge the answer cache on near misses and rewordings made from questions."""

from pathlib import Path

import click

from twintrack.app import stopping
from twintrack.core.settings import load_settings
from twintrack.evals.row_checks import says
from twintrack.evals.rows import Row, read_rows
from twintrack.evals.show import Figures, show


@click.command("cache")
@click.option(
    "--data",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Questions with their passage (pid), conversation (conv) or source, as JSON lines; may be repeated. "
    "Without it they are made of the sentences of the corpus, or of those that describe this product's code where that is empty.",
)
@click.option("--limit", type=click.IntRange(1), default=None, help="Rows of each file; all without it.")
@click.option("--seed", default=0, show_default=True, help="Chooses the rows, with --limit, and the words put in.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def cache(data: tuple[Path, ...], limit: int | None, seed: int, as_json: bool) -> None:
    """Judge how often the answer cache gives the answer to another question, and how often it finds the right one.

    The threshold is chosen on one half of the passages; the figures are the other half's.
    """
    show(stopping.run(_cache(data, limit, seed)), as_json)


async def _cache(data: tuple[Path, ...], limit: int | None, seed: int) -> Figures:
    from twintrack.app.progress import progress_bar
    from twintrack.core.corpus import Corpus
    from twintrack.core.embeddings import open_embedder
    from twintrack.core.redis_client import RedisSource
    from twintrack.core.redis_errors import translated
    from twintrack.evals import cache as judge
    from twintrack.evals.cache_questions import questions

    settings = load_settings()
    files: list[list[Row]] = [read_rows(path, limit=limit, seed=seed, check=says) for path in data]
    made_of = ", ".join(path.name for path in data)
    source, embedder = RedisSource(settings.redis), open_embedder(settings.models)
    try:
        async with translated():
            if not files:
                found, made_of = await questions(Corpus(source, embedder, settings.retrieval), seed=seed, limit=limit)
                files = [found]
            with progress_bar("Embedding") as tick:
                material = await judge.prepared(files, embedder, seed=seed, tick=tick)
            shipped = settings.cache.threshold
            figures = await judge.run(material, source=source, embedder=embedder, shipped=shipped)
    finally:
        await source.aclose()
    return {"questions_from": made_of, **figures}
