"""`twintrack bench`: speed, measured beside a peer in the same run."""

import click

from twintrack.app import stopping
from twintrack.app.whole_help import WholeHelp
from twintrack.bench.checkpoint_command import checkpoint
from twintrack.bench.memory_command import memory
from twintrack.bench.report import report
from twintrack.bench.retrieval_command import retrieval


@click.group(cls=WholeHelp)
def command() -> None:
    """Measure speed, side by side with peers."""


command.add_command(checkpoint)
command.add_command(memory)
command.add_command(retrieval)


def _numbers(_context: click.Context, _option: click.Parameter, given: str | None) -> list[int]:
    if given is None:
        return []
    found = [int(one) for one in given.split(",") if one.strip().isdecimal()]
    if len(found) != len(given.split(",")) or 0 in found:
        raise click.BadParameter("write whole numbers from 1 on, with commas between them")
    return found


@command.command()
@click.option("--turns", type=click.IntRange(1), default=40, show_default=True, help="Turns per round and side.")
@click.option(
    "--rounds", type=click.IntRange(1), default=5, show_default=True, help="Interleaved rounds; medians are reported."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def turn(turns: int, rounds: int, as_json: bool) -> None:
    """Compare a turn's process CPU with a bare LangGraph graph of the same shape."""
    from twintrack.bench.turn import measure

    report(stopping.run(measure(turns, rounds)), as_json, "process CPU per turn")


@command.command()
@click.option("--runs", type=click.IntRange(1), default=20, show_default=True, help="Runs per round and side.")
@click.option(
    "--rounds", type=click.IntRange(1), default=5, show_default=True, help="Interleaved rounds; medians are reported."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def tracing(runs: int, rounds: int, as_json: bool) -> None:
    """Compare what tracing adds per node with Langfuse's own handler."""
    from twintrack.bench.tracing import measure

    report(stopping.run(measure(runs, rounds)), as_json, "process CPU that tracing adds")


@command.command()
@click.option("--runs", type=click.IntRange(1), default=20, show_default=True, help="Runs per round and side.")
@click.option(
    "--rounds", type=click.IntRange(1), default=5, show_default=True, help="Interleaved rounds; medians are reported."
)
@click.option(
    "--agents", default="1,2,4,8,16", show_default=True, callback=_numbers, help="Numbers of agents to compare."
)
@click.option(
    "--processes", callback=_numbers, help="Numbers of processes, like 1,2: measure only how work spreads over them."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def team(runs: int, rounds: int, agents: list[int], processes: list[int], as_json: bool) -> None:
    """Compare what a sub-agent's step costs with bare agents, langgraph-supervisor and deepagents."""
    from twintrack.bench.team import measure
    from twintrack.bench.team_processes import spread

    if processes:
        report({"steps_per_s_by_processes": stopping.run(spread(processes, runs))}, as_json, "steps per second")
        return
    report(stopping.run(measure(runs, rounds, agents)), as_json, "process CPU per sub-agent step")


@command.command()
@click.option(
    "--people", type=click.IntRange(1), default=50, show_default=True, help="Conversations that go on at once."
)
@click.option("--turns", type=click.IntRange(1), default=10, show_default=True, help="Turns of each.")
@click.option(
    "--first", type=click.IntRange(1), default=3, show_default=True, help="Turn after which memory should not grow."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def soak(people: int, turns: int, first: int, as_json: bool) -> None:
    """Watch the process's memory over many conversations at once."""
    from twintrack.bench.soak import measure

    report(stopping.run(measure(people, turns, first)), as_json, "resident memory")
