"""`twintrack eval router`: judge the router that ships, or train one and judge it on sources left out."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from twintrack.core.context import Identity
from twintrack.core.settings import load_settings
from twintrack.evals.escalation import Asked
from twintrack.evals.own_corpus import ingest, own_corpus
from twintrack.evals.row_checks import is_routed
from twintrack.evals.rows import read_rows
from twintrack.evals.show import Figures, show

FILE = click.Path(path_type=Path)
NO_DOCUMENTS = "not judged without --passages that hold answers to these questions: of other documents all is sent on"


@dataclass(frozen=True, slots=True)
class Choices:
    """What the caller asked for."""

    data: Path
    passages: tuple[Path, ...]
    without: tuple[str, ...]
    left_out: bool
    limit: int | None
    seed: int


@click.command("router")
@click.option("--data", required=True, type=FILE, help="Questions with text, label (simple, complex) and source.")
@click.option("--leave-one-source-out", "left_out", is_flag=True, help="Train on FILE; judge sources not trained on.")
@click.option("--without", multiple=True, metavar="SOURCE", help="A source to judge, never to learn from.")
@click.option(
    "--passages", multiple=True, type=FILE, help="Documents to judge escalation on; the corpus of the settings without."
)
@click.option("--limit", type=click.IntRange(1), default=None, help="Rows to judge; all without it.")
@click.option("--seed", default=0, show_default=True, help="Chooses the rows, with --limit.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def router(as_json: bool, **choices: Any) -> None:
    """Judge the router's order of questions, its accuracy and cost, and what escalation mends.

    AUROC is judged inside each source; `worst` and `mean` are over sources with at least 100 rows of both labels.
    """
    show(asyncio.run(_router(Choices(**choices))), as_json)


async def _router(choices: Choices) -> Figures:
    from twintrack.app.progress import progress_bar
    from twintrack.core.embeddings import open_embedder
    from twintrack.core.tuning import used_tuning
    from twintrack.evals import router as judge
    from twintrack.nodes.complexity import LearntRouter

    settings = load_settings()
    rows = read_rows(choices.data, limit=choices.limit, seed=choices.seed, check=is_routed)
    embedder = open_embedder(settings.models)
    with progress_bar("Embedding") as tick:
        found = await judge.read(rows, embedder, tick)
    used = LearntRouter.of(used_tuning(settings.tuning.file), embedder=embedder.name)
    if choices.left_out:
        judged = judge.judge_left_out(rows, found, choices.without)
    else:
        judged = await judge.judge_shipped(rows, found, used)
    times = await judge.decision_ms(rows, used, embedder)
    mended = await _escalation(choices.passages, judged.asked) if choices.passages else {"why": NO_DOCUMENTS}
    return {**judged.figures, "decision_ms": times, "escalation_repairs": mended.get("repairs"), "escalation": mended}


async def _escalation(passages: tuple[Path, ...], asked: Sequence[Asked]) -> Figures:
    from twintrack.app.open_corpus import open_corpus
    from twintrack.app.progress import progress_bar
    from twintrack.core.embeddings import open_embedder
    from twintrack.evals import escalation

    settings = own_corpus(*passages)
    async with open_corpus(settings) as corpus:
        await ingest(corpus.ingest, *passages)
        with progress_bar("Asking") as tick:
            embedder, weak = open_embedder(settings.models), settings.router.weak_evidence
            return await escalation.run(corpus, embedder, asked, weak=weak, identity=Identity("eval"), tick=tick)
