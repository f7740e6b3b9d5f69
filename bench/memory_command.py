"""`twintrack bench memory`: the speed of remembering one user's past among many users'."""

import click

from twintrack.app import stopping
from twintrack.bench.report import report


@click.command()
@click.option("--records", type=click.IntRange(20), default=4000, show_default=True, help="Of the user who asks.")
@click.option(
    "--users", type=click.IntRange(1), default=50, show_default=True, help="Others have a tenth of the records each."
)
@click.option("--questions", type=click.IntRange(1), default=50, show_default=True, help="Questions per round.")
@click.option(
    "--rounds", type=click.IntRange(1), default=5, show_default=True, help="Interleaved rounds; medians are reported."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def memory(records: int, users: int, questions: int, rounds: int, as_json: bool) -> None:
    """Time a recall of the three tiers beside a plain RedisVL query and LangGraph's InMemoryStore.

    The records are made up, half of them episodes and half facts, and are dropped at the end.
    """
    from twintrack.app.progress import progress_bar
    from twintrack.bench.memory import measure

    with progress_bar("Filling") as tick:
        figures = stopping.run(measure(records, users, questions, rounds, tick))
    report(figures, as_json, "milliseconds per recall of memory")
