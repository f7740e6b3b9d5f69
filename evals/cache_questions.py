"""Makes questions of documents, for an evaluation of the answer cache without data of one's own."""

import ast
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import twintrack
from twintrack.core.context import Identity
from twintrack.core.corpus import Corpus
from twintrack.core.tokens import is_chinese, sentences
from twintrack.evals.rows import Row

MOST = 600
"""Sentences that are made into questions."""
_CHARS = range(20, 200)
_SIGNS = "|`*#[]<>{}=_"
"""What stands in markup and not in speech."""


async def questions(corpus: Corpus, *, seed: int, limit: int | None = None) -> tuple[list[Row], str]:
    """Return questions made of the corpus's sentences, or of this product's own code where it is empty, and which it was."""
    asked = [
        row
        async for passage in corpus.passages(identity=Identity())
        for row in _asked(passage["text"], passage["document_id"])
    ]
    if asked:
        return _some(asked, seed, limit), f"sentences of the corpus {corpus.settings.corpus}"
    told = "sentences that describe this product's own code: the corpus is empty"
    return _some((row for file in _code() for row in _asked(_described(file), file.stem)), seed, limit), told


def _code() -> list[Path]:
    return sorted(Path(twintrack.__file__).parent.glob("*/*.py"))


def _described(file: Path) -> str:
    """Return what a module says of itself and of what is in it."""
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return "\n\n".join(ast.get_docstring(node) or "" for node in nodes if isinstance(node, kinds))


def _asked(text: str, document: str) -> Iterable[Row]:
    for span in sentences(text):
        said = span.text.strip()
        if len(said) in _CHARS and said[0].isalnum() and said[-1] in ".。" and not any(sign in said for sign in _SIGNS):
            yield {"question": _question(said), "document_id": document}


def _question(said: str) -> str:
    return f"{said[:-1]}吗？" if is_chinese(said) else f"{said[:-1]}?"


def _some(rows: Iterable[Row], seed: int, limit: int | None) -> list[Row]:
    found: Sequence[Row] = list({row["question"]: row for row in rows}.values())
    return random.Random(seed).sample(found, min(limit or MOST, len(found)))
