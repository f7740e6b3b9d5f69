"""Finds documents that `twintrack eval router` may judge escalation on, and judges it."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twintrack.app.open_corpus import open_corpus
from twintrack.app.progress import progress_bar
from twintrack.core.context import Identity
from twintrack.core.corpus import DESK, Corpus
from twintrack.core.embeddings import Embedder, open_embedder
from twintrack.core.errors import Unavailable
from twintrack.core.settings import load_settings
from twintrack.evals import escalation
from twintrack.evals.escalation import Asked
from twintrack.evals.known_documents import Known, beside, known_in
from twintrack.evals.own_corpus import ingest, own_corpus
from twintrack.nodes.route import Router

Figures = dict[str, Any]
NOTHING = (
    "no documents that hold answers: FILE brings none, none are beside it, and the corpus of the settings is empty"
)
FOREIGN = "most simple questions are sent on too: these documents answer few of them, so the figure says little"


async def judge(data: Path, passages: Sequence[Path], asked: Sequence[Asked], router: Router) -> Figures:
    """Judge escalation on documents that hold answers.

    They are those of `passages`, else those that the rows bring or that lie beside `data`, else the settings' corpus.
    """
    files = [*passages, *(near for path in passages for near in beside(path)[1:])] if passages else beside(data)
    known = known_in(dict.fromkeys(path.absolute() for path in files))
    embedder = open_embedder(load_settings().models)
    chosen = await _about(known, asked, router, embedder)
    try:
        if chosen:
            return await _of_files(known, chosen, embedder)
        return await _of_settings(asked, embedder)
    except Unavailable as error:
        return {"why": str(error)}


async def _about(known: Known, asked: Sequence[Asked], router: Router, embedder: Embedder) -> list[Asked]:
    """Return the questions that the documents answer, and those that need several of them which were not asked yet."""
    found = [one for one in asked if one.text.strip() in known.questions]
    there = {one.text.strip() for one in found}
    for text, several in known.questions.items():
        if several and text not in there:
            decision = await router.decide(text, await embedder.embed_one(text))
            found.append(Asked(text, "several documents", is_complex=True, direct=decision["route"] == "direct"))
    return found


async def _of_files(known: Known, asked: Sequence[Asked], embedder: Embedder) -> Figures:
    settings = own_corpus(*known.files)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "documents.jsonl"
        known.write(file)
        async with open_corpus(settings) as corpus:
            await ingest(corpus.ingest, file)
            figures = await _judged(corpus, embedder, asked, settings.router.weak_evidence, Identity("eval"))
    return {"documents": len(known.documents), "from": [path.name for path in known.files], **figures}


async def _of_settings(asked: Sequence[Asked], embedder: Embedder) -> Figures:
    settings = load_settings()
    async with open_corpus(settings) as corpus:
        if not (count := await corpus.count(identity=DESK)):
            return {"why": NOTHING}
        figures = await _judged(corpus, embedder, asked, settings.router.weak_evidence, DESK)
    return {"documents": count, "from": [f"corpus {settings.retrieval.corpus}"], **figures}


async def _judged(corpus: Corpus, embedder: Embedder, asked: Sequence[Asked], weak: float, who: Identity) -> Figures:
    with progress_bar("Asking") as tick:
        figures = await escalation.run(corpus, embedder, asked, weak=weak, identity=who, tick=tick)
    return figures | ({"note": FOREIGN} if (figures["needless"] or 0.0) > 0.5 else {})


def repaired(figures: Figures) -> float | None:
    """Return the share of the complex questions sent straight on that are mended, of all complex ones if there are none."""
    found = figures.get("repairs")
    return found if found is not None else figures.get("complex_sent_on")
