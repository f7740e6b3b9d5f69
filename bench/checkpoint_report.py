"""Shows the checkpoint bench's figures to people: tables, and a picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from twintrack.bench.checkpoint_savers import OURS, STOCK
from twintrack.core.errors import SettingsError

Rows = Mapping[str, Mapping[str, float]]
TITLES = {
    "overhead_ratio": f"run time over no saver, as a share of {STOCK}'s",
    "client_cpu_ms": "CPU of this process per run over no saver, ms",
    "runs_per_s": "runs per second, by threads at once",
    "bytes_per_turn": "bytes that a turn of 1 KB adds, by turn",
}
COLOURS = {
    "none": "#d7dde3",
    OURS: "#d1495b",
    STOCK: "#30638e",
    "InMemorySaver": "#9aa5b1",
    "AsyncSqliteSaver": "#edae49",
    "AsyncPostgresSaver": "#00798c",
}
RESUME = "reading the conversation's end, ms"
SMALL = "reading a thread of one short turn, ms"


def show(figures: dict[str, Any]) -> None:
    """Print one table per figure, a row per saver."""
    console = Console()
    console.print(f"{figures['rounds_done']} interleaved rounds, medians")
    for name, title in TITLES.items():
        _show(console, title, figures[name])
    _show(console, RESUME, _resume(figures))
    small = zip(figures["small_get_ms"].items(), figures["small_get_cpu_ms"].values(), strict=True)
    _show(console, SMALL, {saver: {"median": wall, "of this process's CPU": cpu} for (saver, wall), cpu in small})
    for saver, reason in figures["missing"].items():
        console.print(f"{saver} was not measured: {reason}")


def _show(console: Console, title: str, figures: Rows) -> None:
    table = Table("saver")
    for column in next(iter(figures.values())):
        table.add_column(column, justify="right")
    for saver, row in _ordered(figures).items():
        table.add_row(saver, *(f"{value:,}" for value in row.values()))
    console.print(f"[bold]{title}[/bold]", table)


def _resume(figures: dict[str, Any]) -> Rows:
    return {saver: {"median": value} for saver, value in figures["resume_ms"].items()}


def _ordered(figures: Rows) -> Rows:
    return {saver: figures[saver] for saver in COLOURS if saver in figures}


def check_plot(path: Path) -> None:
    """Tell, before anything is measured, whether a picture can be written.

    Raises:
        SettingsError: it cannot, and why.
    """
    try:
        import matplotlib as _  # noqa: F401
    except ImportError as error:
        raise SettingsError("--plot needs matplotlib.", fix="pip install matplotlib") from error
    if not path.absolute().parent.is_dir():
        raise SettingsError(f"There is no folder {path.absolute().parent}.", fix="make it, or name another FILE")


def plot(figures: dict[str, Any], path: Path) -> None:
    """Write one picture of four panels as PNG."""
    from matplotlib.figure import Figure

    picture = Figure(figsize=(13, 9), layout="constrained")
    panels = picture.subplots(2, 2).flat
    _bars(next(panels), figures["overhead_ratio"], TITLES["overhead_ratio"], log=False)
    _bars(next(panels), figures["runs_per_s"], TITLES["runs_per_s"], log=True)
    _bars(next(panels), _resume(figures), RESUME, log=True)
    _bars(next(panels), figures["bytes_per_turn"], TITLES["bytes_per_turn"], log=True)
    picture.legend(*picture.axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False)
    picture.savefig(path, format="png", dpi=120)


def _bars(panel: Any, figures: Rows, title: str, *, log: bool) -> None:
    """Draw a group of bars per column, a bar per saver."""
    groups = list(next(iter(figures.values())))
    width = 0.85 / len(figures)
    for at, (saver, row) in enumerate(_ordered(figures).items()):
        places = [group + at * width for group in range(len(groups))]
        bars = panel.bar(places, row.values(), width * 0.92, label=saver, color=COLOURS[saver])
        panel.bar_label(bars, fmt=_short, fontsize=7, padding=1)
    panel.set_title(title, fontsize=11)
    panel.set_xticks([group + 0.425 - width / 2 for group in range(len(groups))], groups)
    panel.spines[["top", "right"]].set_visible(False)
    if log:
        panel.set_yscale("log")
        panel.yaxis.set_major_formatter(_short_tick)
        panel.yaxis.set_minor_formatter("")


def _short_tick(value: float, _: int) -> str:
    return _short(value)


def _short(value: float) -> str:
    for unit, size in ((" M", 1e6), (" k", 1e4)):
        if value >= size:
            return f"{value / (1e3 if unit == ' k' else size):.3g}{unit}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
