"""Chooses what `twintrack demo` asks: shipped questions for the project's own docs, else what the folder's titles suggest."""

import asyncio
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from twintrack.core.documents import Document, find_files, read_documents
from twintrack.core.tokens import is_chinese

_OWN = Path("decisions", "0001-linked-folders.md")
_DIRECT = "What happens after Ctrl-C?"
_COMPLEX = (
    "When does the embedded Redis server stop, and what does a rollback keep in between? Also compute 17 * 23 + 5."
)
_LOOKED_AT = 20
"""Files whose titles are considered."""
_LONGEST = 80


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
        made = _made(await asyncio.to_thread(_titles, files, max_bytes))
    return Questions(direct or made.direct, complex_ or made.complex)


def _titles(files: list[Path], max_bytes: int) -> list[str]:
    """Return the titles of the first documents; those the documents give themselves come first."""
    found = (item for file in files for item in islice(read_documents(file, max_bytes=max_bytes), _LOOKED_AT))
    documents = islice((item for item in found if isinstance(item, Document)), _LOOKED_AT)
    ordered = sorted(documents, key=lambda document: document.title == Path(document.source).stem)
    return [title for document in ordered if (title := _clean(document.title))]


def _clean(title: str) -> str:
    return " ".join(title.split()).rstrip(".?!。？！") if len(title) <= _LONGEST else ""


def _made(titles: list[str]) -> Questions:
    first = titles[0] if titles else "the first document"
    second = next((title for title in titles if title != first), first)
    if is_chinese(first):
        return Questions(f"《{first}》讲了什么？", f"《{first}》讲了什么？《{second}》讲了什么？再计算 17 * 23 + 5。")
    return Questions(
        f"What does {first} say?", f"What does {first} say? What does {second} say? Also compute 17 * 23 + 5."
    )
