"""`twintrack eval multihop`: judge the team's fan-out on questions of several hops."""

import tempfile
from pathlib import Path

import click

from twintrack.app import stopping
from twintrack.evals.own_corpus import ingest, own_corpus
from twintrack.evals.row_checks import has_hops
from twintrack.evals.rows import read_rows
from twintrack.evals.show import Figures, show


@click.command("multihop")
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path),
    help="Questions with paragraphs and question_decomposition, as JSON lines.",
)
@click.option("--limit", type=click.IntRange(1), default=None, help="Rows to ask; all without it.")
@click.option("--seed", default=0, show_default=True, help="Chooses the rows, with --limit.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def multihop(data: Path, limit: int | None, seed: int, as_json: bool) -> None:
    """Judge how often all supporting passages are found, at most three passages a hop.

    By gold sub-questions with gold earlier answers, by the product's own decomposition, and by one query of ten.
    """
    show(stopping.run(_multihop(data, limit, seed)), as_json)


async def _multihop(data: Path, limit: int | None, seed: int) -> Figures:
    from twintrack.app.assemble import open_app
    from twintrack.app.progress import progress_bar
    from twintrack.evals import multihop as judge

    everything = read_rows(data, check=has_hops)
    settings = own_corpus(data)
    with tempfile.TemporaryDirectory() as folder:
        paragraphs = Path(folder) / "paragraphs.jsonl"
        judge.write_paragraphs(everything, paragraphs)
        async with open_app(settings) as app:
            await ingest(app.corpus.ingest, paragraphs)
            with progress_bar("Asking") as tick:
                rows = everything if limit is None else read_rows(data, limit=limit, seed=seed, check=has_hops)
                return await judge.run(app.parts.resources, rows, tick=tick)
