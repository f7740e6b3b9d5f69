"""Makes questions of documents, for an evaluation of the answer cache without data of one's own."""

import random
from collections.abc import Iterable, Sequence
from importlib.metadata import metadata

from twintrack.core.context import Identity
from twintrack.core.corpus import Corpus
from twintrack.core.tokens import is_chinese, sentences
from twintrack.evals.rows import Row

MOST = 2000
"""Sentences that are made into questions."""
_CHARS = range(20, 200)
_SIGNS = "|`*#[]<>{}=_"
"""What stands in markup and not in speech."""


async def questions(corpus: Corpus, *, seed: int) -> tuple[list[Row], str]:
    """Return questions made of the corpus's sentences, or of this product's README where it is empty, and which it was."""
    asked = [
        row
        async for passage in corpus.passages(identity=Identity())
        for row in _asked(passage["text"], passage["document_id"])
    ]
    if asked:
        return _some(asked, seed), f"sentences of the corpus {corpus.settings.corpus}"
    readme = str(metadata("twintrack").json.get("description", ""))
    return _some(_asked(readme, "README"), seed), "sentences of this product's README: no corpus was found"


def _asked(text: str, document: str) -> Iterable[Row]:
    for span in sentences(text):
        said = span.text.strip()
        if len(said) in _CHARS and said[0].isalnum() and said[-1] in ".。" and not any(sign in said for sign in _SIGNS):
            yield {"question": _question(said), "document_id": document}


def _question(said: str) -> str:
    return f"{said[:-1]}吗？" if is_chinese(said) else f"{said[:-1]}?"


def _some(rows: Iterable[Row], seed: int) -> list[Row]:
    found: Sequence[Row] = list({row["question"]: row for row in rows}.values())
    return list(found) if len(found) <= MOST else random.Random(seed).sample(found, MOST)
