"""`twintrack bench retrieval`: the speed of a recall step in a large corpus."""

import click

from twintrack.app import stopping
from twintrack.bench.report import report


@click.command()
@click.option("--chunks", type=click.IntRange(100), default=100_000, show_default=True, help="Passages searched in.")
@click.option("--questions", type=click.IntRange(20), default=200, show_default=True, help="Questions per figure.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Rounds with many clients.")
@click.option("--vector-index", type=click.Choice(["hnsw", "flat"]), help="The setting's without it.")
@click.option("--vector-type", type=click.Choice(["float32", "float16"]), help="The setting's without it.")
@click.option("--kinds", is_flag=True, help="Compare hnsw and flat with float32 and float16 instead.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def retrieval(
    chunks: int,
    questions: int,
    rounds: int,
    vector_index: str | None,
    vector_type: str | None,
    kinds: bool,
    as_json: bool,
) -> None:
    """Time embedding and searching in made-up passages, beside plain RedisVL queries; they are dropped at the end."""
    from twintrack.app.progress import progress_bar
    from twintrack.bench.retrieval import measure
    from twintrack.bench.retrieval_kinds import measure_kinds

    with progress_bar("Filling") as tick:
        if kinds:
            work = measure_kinds(chunks, questions, tick)
        else:
            work = measure(chunks, questions, rounds, tick, vector_index=vector_index, vector_type=vector_type)
        figures = stopping.run(work)
    report(figures, as_json, "milliseconds per recall step")
