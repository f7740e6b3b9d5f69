"""`twintrack bench checkpoint`."""

import json
from dataclasses import replace
from pathlib import Path

import click

from twintrack.app import stopping


@click.command()
@click.option("--rounds", type=click.IntRange(1), help="Interleaved rounds; medians are reported.  [default: 5]")
@click.option("--runs", type=click.IntRange(1), help="Runs per round, saver and mode.  [default: 10]")
@click.option(
    "--turns",
    type=click.IntRange(100),
    help="One-kilobyte messages of the conversation that grows and is then resumed.  [default: 1000]",
)
@click.option("--quick", is_flag=True, help="Measure little, in under a minute: 2 rounds, 3 runs, 200 turns.")
@click.option("--postgres", metavar="URL", help="A Postgres to measure on; without it one is started where installed.")
@click.option("--plot", "picture", type=click.Path(dir_okay=False, path_type=Path), help="Write a picture (PNG).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def checkpoint(
    rounds: int | None,
    runs: int | None,
    turns: int | None,
    quick: bool,
    postgres: str | None,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Compare what keeping versions costs with LangGraph's other savers.

    Takes about four minutes, more on a busy machine. It starts servers of its own, and leaves none behind.
    """
    from twintrack.app.progress import progress_bar
    from twintrack.bench.checkpoint import QUICK, Plan, measure
    from twintrack.bench.checkpoint_report import check_plot, plot, show

    if picture:
        check_plot(picture)
    plan = QUICK if quick else Plan()
    plan = replace(plan, rounds=rounds or plan.rounds, runs=runs or plan.runs, turns=turns or plan.turns)
    with progress_bar("measuring checkpoints") as report:
        figures = stopping.run(measure(plan, report, postgres))
    if as_json:
        click.echo(json.dumps(figures))
    else:
        show(figures)
    if picture:
        plot(figures, picture)
