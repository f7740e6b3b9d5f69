"""`twintrack eval router`: judge the router that ships, or train one and judge it on sources left out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from twintrack.app import stopping
from twintrack.core.settings import load_settings
from twintrack.evals.row_checks import is_routed
from twintrack.evals.rows import read_rows
from twintrack.evals.show import Figures, show

FILE = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True)
class Choices:
    """What the caller asked for."""

    data: Path
    passages: tuple[Path, ...]
    without: tuple[str, ...]
    left_out: bool
    nested: bool
    limit: int | None
    seed: int


@click.command("router")
@click.option("--data", required=True, type=FILE, help="Questions with text, label (simple, complex) and source.")
@click.option("--leave-one-source-out", "left_out", is_flag=True, help="Train on FILE; judge sources not trained on.")
@click.option("--nested", is_flag=True, help="The same, and choose how freely is learnt on the other sources too.")
@click.option("--without", multiple=True, metavar="SOURCE", help="A source to judge, never to learn from.")
@click.option(
    "--passages",
    multiple=True,
    type=FILE,
    help="Documents to judge escalation on, with files of their questions beside them; without it those that FILE "
    "brings or that are beside it, else the corpus of the settings.",
)
@click.option("--limit", type=click.IntRange(1), default=None, help="Rows to judge; all without it.")
@click.option("--seed", default=0, show_default=True, help="Chooses the rows, with --limit.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def router(as_json: bool, **choices: Any) -> None:
    """Judge the router's order of questions, its accuracy and cost, and what escalation mends.

    AUROC is judged inside each source; `worst` and `mean` are over sources with at least 100 rows of both labels.
    """
    show(stopping.run(_router(Choices(**choices))), as_json)


async def _router(choices: Choices) -> Figures:
    from twintrack.app.progress import progress_bar
    from twintrack.core.embeddings import open_embedder
    from twintrack.core.tuning import used_tuning
    from twintrack.evals import escalation_command as escalation
    from twintrack.evals import router as judge
    from twintrack.nodes.complexity import LearntRouter
    from twintrack.nodes.route import Router

    settings = load_settings()
    rows = read_rows(choices.data, limit=choices.limit, seed=choices.seed, check=is_routed)
    embedder = open_embedder(settings.models)
    with progress_bar("Embedding") as tick:
        found = await judge.read(rows, embedder, tick)
    used = LearntRouter.of(used_tuning(settings.tuning.file), embedder=embedder.name)
    shipped = judged = await judge.judge_shipped(rows, found, used)
    figures = {"accuracy_at_shipped_threshold_by_source": shipped.figures["accuracy_by_source"]}
    if choices.left_out or choices.nested:
        judged = judge.judge_left_out(rows, found, choices.without)
        at_shipped = judge.judge_left_out(rows, found, choices.without, shipped=used.thresholds).figures
        figures = {
            "accuracy_at_shipped_threshold_by_source": at_shipped["accuracy_by_source"],
            "accuracy_of_what_ships_by_source": shipped.figures["accuracy_by_source"],
        }
    if choices.nested:
        figures["nested"] = judge.judge_nested(rows, found, choices.without)
    router = Router(classifier=used.classifier, thresholds=used.thresholds)
    mended = await escalation.judge(choices.data, choices.passages, judged.asked, router)
    return {
        **judged.figures,
        **figures,
        "decision_ms": await judge.decision_ms(rows, used, embedder),
        "escalation_repairs": escalation.repaired(mended),
        "escalation": mended,
    }
