"""`twintrack eval tune`: choose weights and thresholds on data of one's own, and write them into one file."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twintrack.app import stopping
from twintrack.core.embeddings import open_embedder
from twintrack.core.errors import DocumentError
from twintrack.core.settings import load_settings
from twintrack.evals.own_corpus import name_of
from twintrack.evals.row_checks import asks, is_routed, says
from twintrack.evals.rows import Row, read_rows
from twintrack.evals.show import Figures, show
from twintrack.evals.tuned import Change, show_changes, told

if TYPE_CHECKING:
    from twintrack.evals.tune import Part

_FILE = click.Path(path_type=Path)
_PARTS = ("vector_weights", "withhold", "weak_evidence", "cache_threshold", "routing")


@dataclass(frozen=True, slots=True)
class Choices:
    """What the caller asked for."""

    passages: tuple[Path, ...]
    data: tuple[Path, ...]
    corpus: tuple[str, ...]
    routes: Path | None
    without: tuple[str, ...]
    cache_data: tuple[Path, ...]
    only: tuple[str, ...]
    limit: int | None
    seed: int
    out: Path

    def wants(self, *parts: str) -> bool:
        """Tell whether one of the parts is to be chosen."""
        return not self.only or bool(set(parts) & set(self.only))

    @property
    def command(self) -> str:
        """Return the command that chooses the same again, files by their names alone."""
        given = {"passages": self.passages, "data": self.data, "cache-data": self.cache_data, "corpus": self.corpus}
        given |= {"routes": (self.routes,) if self.routes else (), "without": self.without, "only": self.only}
        options = [f"--{name} {getattr(one, 'name', one)}" for name, some in given.items() for one in some]
        chosen = [f"--limit {self.limit} --seed {self.seed}"] if self.limit else []
        return " ".join(["twintrack eval tune", *options, *chosen, "--out FILE"])

    def read(self, path: Path, check: Any) -> list[Row]:
        """Return the rows of a file that are used."""
        return read_rows(path, limit=self.limit, seed=self.seed, check=check)


@click.command("tune")
@click.option("--passages", multiple=True, type=_FILE, help="Documents of a corpus; may be repeated.")
@click.option("--data", multiple=True, type=_FILE, help="Their questions, in the same order.")
@click.option("--corpus", multiple=True, help="Names of the corpora, in the same order; the files' names without it.")
@click.option("--routes", type=_FILE, default=None, help="Questions with label (simple, complex) and source.")
@click.option("--without", multiple=True, metavar="SOURCE", help="A source of --routes that is not learnt from.")
@click.option(
    "--cache-data", multiple=True, type=_FILE, help="Questions for the answer cache; those of --data without."
)
@click.option("--only", multiple=True, type=click.Choice(_PARTS), help="Choose these parts alone; may be repeated.")
@click.option("--limit", type=click.IntRange(4), default=None, help="Rows of each file; all without it.")
@click.option("--seed", default=0, show_default=True, help="Chooses the rows, with --limit.")
@click.option("--out", type=_FILE, default=Path("tuning.json"), show_default=True, help="The file that is written.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def tune(as_json: bool, **given: Any) -> None:
    """Choose weights and thresholds, write them into one file, and tell what changes on rows they were not chosen on.

    They are: how much meaning counts in each corpus, when a quote is withheld, what evidence is weak, when the answer
    cache may answer, and, with --routes, which questions are the team's.

    TWINTRACK_TUNING__FILE=tuning.json puts it to use. Parts of a file that is there already stay as they are where
    they are not chosen anew.
    """
    choices = _checked(Choices(**given))
    changes, figures = stopping.run(_tune(choices))
    if not as_json:
        show_changes(changes)
    show(figures if as_json else {name: figures[name] for name in ("written", "not_chosen")}, as_json)


def _checked(choices: Choices) -> Choices:
    """Refuse what would fail after all the work."""
    if len(choices.passages) != len(choices.data):
        raise click.UsageError("give as many --data as --passages")
    if choices.corpus and len(choices.corpus) != len(choices.passages):
        raise click.UsageError("give as many --corpus as --passages, or none")
    if not (choices.passages or choices.routes or choices.cache_data):
        raise click.UsageError("give --passages with --data, --routes or --cache-data")
    out = choices.out
    folder = out.absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK) or (out.exists() and not os.access(out, os.W_OK)):
        raise DocumentError(f"{out}: it cannot be written.", fix="name a file in a folder that is there with --out")
    return choices


async def _tune(choices: Choices) -> tuple[list[Change], Figures]:
    from twintrack.core.tuning import Tuning, read_tuning, write_tuning
    from twintrack.evals.tune import with_parts

    before = read_tuning(choices.out) if choices.out.exists() else Tuning()
    # Everything is read before anything is done, so that a bad row costs no work.
    asked = [(path, choices.read(path, asks)) for path in choices.data]
    cached = [choices.read(path, says) for path in choices.cache_data] or [rows for _, rows in asked]
    routes = choices.read(choices.routes, is_routed) if choices.routes and choices.wants("routing") else []
    parts = [
        *await _of_corpora(choices, [rows for _, rows in asked], before.vector_weights),
        *(await _of_cache(choices, cached) if cached and choices.wants("cache_threshold") else []),
        *(await _of_routes(choices, routes) if routes else []),
    ]
    write_tuning(with_parts(before, parts, choices.command), choices.out)
    changes = [change for part in parts for change in part.changes]
    judged = {part.name: part.judged for part in parts if part.judged}
    return changes, {
        "written": str(choices.out),
        "changes": told(changes),
        "not_chosen": [name for name in _PARTS if name not in {part.name for part in parts}],
        "judged": judged,
    }


async def _of_corpora(choices: Choices, asked: Sequence[list[Row]], known: Mapping[str, float]) -> "list[Part]":
    from twintrack.core.redis_check import check_server
    from twintrack.core.redis_client import RedisSource
    from twintrack.core.redis_errors import translated
    from twintrack.core.tuning import used_tuning
    from twintrack.evals import tune as chooser
    from twintrack.evals.train_answerable import learnable
    from twintrack.evals.tune_corpora import Asked, ask
    from twintrack.nodes.answerable import Answerable

    if not asked or not choices.wants("vector_weights", "withhold", "weak_evidence"):
        return []
    settings, source = load_settings(), RedisSource(load_settings().redis)
    names = choices.corpus or tuple(name_of(path) for path in choices.passages)
    weigh, sample = choices.wants("vector_weights"), choices.wants("withhold", "weak_evidence")
    given = zip(names, choices.passages, asked, strict=True)
    try:
        await check_server(source)
        async with translated():
            heard = await ask([Asked(*one, weigh, sample) for one in given], source, open_embedder(settings.models))
    finally:
        await source.aclose()
    parts = [chooser.vector_weights(known, heard.weights)] if weigh else []
    if choices.wants("withhold") and learnable(heard.samples):
        parts.append(chooser.withhold(heard.samples, heard.across, Answerable.of(used_tuning(settings.tuning.file))))
    if choices.wants("weak_evidence") and heard.samples:
        parts.append(chooser.weak_evidence(heard.samples, settings.router.weak_evidence))
    return parts


async def _of_cache(choices: Choices, files: Sequence[Sequence[Row]]) -> "list[Part]":
    from twintrack.app.progress import progress_bar
    from twintrack.evals import cache
    from twintrack.evals import tune as chooser

    settings = load_settings()
    with progress_bar("Embedding") as tick:
        material = await cache.prepared(files, open_embedder(settings.models), seed=choices.seed, tick=tick)
    return [chooser.cache_threshold(material, settings.cache.threshold)]


async def _of_routes(choices: Choices, rows: Sequence[Row]) -> "list[Part]":
    from twintrack.app.progress import progress_bar
    from twintrack.core.tuning import used_tuning
    from twintrack.evals import router
    from twintrack.evals import tune as chooser
    from twintrack.nodes.complexity import LearntRouter

    settings = load_settings()
    embedder = open_embedder(settings.models)
    with progress_bar("Embedding") as tick:
        found = await router.read(rows, embedder, tick)
    used = LearntRouter.of(used_tuning(settings.tuning.file), embedder=embedder.name)
    return [await chooser.routing(rows, found, used, without=choices.without, embedder=embedder.name)]
