"""Chooses what `twintrack demo` asks: shipped questions for the project's own docs, else what the folder's titles suggest."""

import asyncio
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from twintrack.core.document_files import find_files
from twintrack.core.documents import Document, read_documents
from twintrack.core.markup import kind_of
from twintrack.core.query_words import STOP_WORDS
from twintrack.core.tokens import is_chinese, sentences

_OWN = Path("decisions", "0001-linked-folders.md")
_DIRECT = "What do Ctrl-C and SIGTERM lose?"
_COMPLEX = "What does a rollback add, and when does the embedded Redis server stop? Also compute 17 * 23 + 5."
_LOOKED_AT = 20
"""Files whose titles are considered."""
_LONGEST = 80
_READ = 5000
_WORDS = 7
_SIGNS = 12


@dataclass(frozen=True, slots=True)
class Questions:
    """One question for each track."""

    direct: str
    complex: str


async def choose(docs: Path, *, direct: str | None, complex_: str | None, max_bytes: int) -> Questions:
    """Return what to ask of the folder; what is given is taken as it is.

    Raises:
        DocumentError: there is nothing at `docs`, or nothing in it that can be read.
    """
    files = await asyncio.to_thread(find_files, docs)
    if (docs / _OWN).is_file():
        made = Questions(_DIRECT, _COMPLEX)
    else:
        made = _made(await asyncio.to_thread(_subjects, files, max_bytes))
    return Questions(direct or made.direct, complex_ or made.complex)


def _subjects(files: list[Path], max_bytes: int) -> list[tuple[str, str]]:
    """Return title and subject of the first documents; those that give themselves a title come first."""
    found = (item for file in files for item in islice(read_documents(file, max_bytes=max_bytes), _LOOKED_AT))
    documents = islice((item for item in found if isinstance(item, Document)), _LOOKED_AT)
    ordered = sorted(documents, key=lambda document: document.title == Path(document.source).stem)
    subjects = [(_clean(document.title), _subject(document.text[:_READ])) for document in ordered]
    return [(title, subject) for title, subject in subjects if title and subject]


def _clean(title: str) -> str:
    return " ".join(title.split()).rstrip(".?!。？！") if len(title) <= _LONGEST else ""


def _subject(text: str) -> str:
    """Return the words the document's first sentence begins with, without those that say little."""
    spans = (span for span in sentences(text) if kind_of(text, span.start, span.end) == "prose")
    first = next((span.text for span in spans if not span.text.startswith(("```", "~~~"))), "")
    if is_chinese(first):
        return next(iter(re.findall(r"\w{2,}", first)), "")[:_SIGNS]
    said = re.findall(r"\w[\w'’-]*", first)
    said = said[next((i for i, word in enumerate(said) if word.lower() not in STOP_WORDS), len(said)) :][:_WORDS]
    while said and said[-1].lower() in STOP_WORDS:
        said.pop()
    return " ".join(said)


def _made(subjects: list[tuple[str, str]]) -> Questions:
    """Return questions after the subjects; where there is none, the answer will say that nothing was found."""
    asked = [_question(*subject) for subject in subjects[:2]] or ["What do the documents say?"]
    sum_ = "再计算 17 * 23 + 5。" if is_chinese(asked[0]) else "Also compute 17 * 23 + 5."
    return Questions(asked[0], " ".join([*asked, sum_]))


def _question(title: str, subject: str) -> str:
    return f"《{title}》怎么说{subject}？" if is_chinese(subject) else f"What does {title} say about {subject}?"
