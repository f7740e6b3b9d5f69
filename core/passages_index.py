"""The one contract of a corpus in Redis: its index, its keys and what stands in a passage's record."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from twintrack.core.access import SEPARATOR, walls_of
from twintrack.core.chunks import chunks
from twintrack.core.context import Identity
from twintrack.core.documents import Document
from twintrack.core.keys import encode, key
from twintrack.core.passages import Passage
from twintrack.core.reranker import WINDOW_CHARS, packed
from twintrack.core.tokens import Span, stem, words

FIELDS = ("document", "title", "source", "text", "start")
"""Fields of a record from which a passage is read back."""
HNSW_M = 16
HNSW_EF_CONSTRUCTION = 200
RECIPE = "4"
"""Changes with what a record holds: one made otherwise is never searched as if it were made so."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the corpus remembers of one document."""

    id: str
    source: str
    digest: str
    """Hash of the document's id and content; passage ids begin with it, so a changed text gets new ids."""
    passages: int

    def passage_ids(self) -> list[str]:
        """Return the ids of the document's passages, in order."""
        return [f"{self.digest}-{number}" for number in range(self.passages)]

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class PassagesIndex:
    """Names of one corpus made with one embedder."""

    corpus: str
    embedder: str
    dims: int
    algorithm: str = "hnsw"
    vector_type: Literal["float32", "float16"] = "float32"
    windows: bool = True
    """Whether the parts of a passage have vectors of their own, of which the passage's is the mean."""
    m: int = HNSW_M
    """Neighbours of a vector in an hnsw index."""
    ef_construction: int = HNSW_EF_CONSTRUCTION
    """How widely a new vector's neighbours are looked for."""

    @property
    def name(self) -> str:
        """Return the index's name; it holds corpus, embedder and dimension, so none is ever mixed up."""
        embedder = re.sub(r"[^a-z0-9]+", "-", self.embedder.lower())
        kind = f"{self.algorithm}{self._build()}-{self.vector_type}-{RECIPE}{'w' if self.windows else ''}"
        return f"{self.family}{embedder}-{self.dims}-{kind}"

    @property
    def family(self) -> str:
        """Return what the names of this corpus's indexes begin with, whatever the embedder."""
        return f"twintrack-corpus-{self.corpus}--"

    def schema(self) -> dict[str, Any]:
        """Return RedisVL's schema; no stop words, because they crash RediSearch 2.10 and mean nothing in Chinese."""
        vector = {"dims": self.dims, "algorithm": self.algorithm, "distance_metric": "cosine"}
        vector["datatype"] = self.vector_type
        if self.algorithm == "hnsw":
            vector |= {"m": self.m, "ef_construction": self.ef_construction, "ef_runtime": 100}
        tag = {"case_sensitive": True, "separator": "\t"}
        return {
            "index": {
                "name": self.name,
                "prefix": key("corpus", self.name) + ":",
                "storage_type": "hash",
                "stopwords": [],
            },
            "fields": [
                {"name": "tenant", "type": "tag", "attrs": tag},
                {"name": "wall", "type": "tag", "attrs": tag},
                {"name": "words", "type": "text", "attrs": {"no_stem": True}},
                {"name": "vector", "type": "vector", "attrs": vector},
            ],
        }

    def _build(self) -> str:
        """Return how an hnsw index is built, where that is not as usual."""
        built, usual = (self.m, self.ef_construction), (HNSW_M, HNSW_EF_CONSTRUCTION)
        return "" if self.algorithm != "hnsw" or built == usual else f"-{self.m}-{self.ef_construction}"

    def passages_of(self, identity: Identity) -> str:
        """Return what the keys of the tenant's passages begin with."""
        return key("corpus", self.name, identity.tenant_id) + ":"

    def passage_key(self, passage_id: str, identity: Identity) -> str:
        """Return the key of a passage; the tenant in it is the first wall, the tag `wall` the second."""
        return self.passages_of(identity) + encode(passage_id)

    def documents_key(self, identity: Identity) -> str:
        """Return the key under which the tenant's documents are listed."""
        return documents_key(self.name, identity)

    def version_key(self, identity: Identity) -> str:
        """Return the key of the tenant's count of changes."""
        return key("corpus-version", self.name, identity.tenant_id)

    def reader_version_key(self, tag: str, identity: Identity) -> str:
        """Return the key of the count of changes to what a user or a group of the tenant can read and others cannot."""
        return key("corpus-version", identity.tenant_id, tag, self.name)


def documents_key(index_name: str, identity: Identity) -> str:
    """Return the key under which a tenant's documents in an index are listed."""
    return key("corpus-documents", index_name, identity.tenant_id)


def documents_field(access: str, document_id: str) -> str:
    """Return the name of a document in its tenant's list: the same id may be there once for each kind of reader."""
    return f"{access.replace(SEPARATOR, '|')}\t{document_id}"


def access_in(name: str) -> str:
    """Return the access in a name that `documents_field` made."""
    return name.partition("\t")[0].replace("|", SEPARATOR)


def digest(document: Document, *, access: str, cut: str) -> str:
    """Return the hash that changes with the document, its reader or how it is cut."""
    parts = "\0".join((document.id, document.title, document.text, access, cut))
    return hashlib.sha256(parts.encode("utf-8", "replace")).hexdigest()[:24]


def record(
    document: Document,
    chunk: Span,
    vectors: NDArray[np.float32],
    *,
    layout: PassagesIndex,
    identity: Identity,
    access: str,
) -> dict[Any, Any]:
    """Return the hash that is stored for one passage, from the vectors of what `embedded_texts` gave."""
    mean = vectors.mean(axis=0)
    parts = {"windows": packed(vectors)} if layout.windows else {}
    return {
        "tenant": encode(identity.tenant_id),
        "access": access,
        "wall": walls_of(access, identity),
        "document": document.id,
        "title": document.title,
        "source": document.source,
        "text": chunk.text,
        "start": chunk.start,
        "words": " ".join(stem(word) for word in words(f"{document.title}\n{chunk.text}")),
        "vector": (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(layout.vector_type).tobytes(),
        **parts,
    }


def shown(document: Document, roots: Sequence[Path]) -> Document:
    """Return the document as its citations name it: by the folder it came from, without the way to that folder."""
    file = Path(document.source)
    root = next((root for root in roots if file.is_relative_to(root)), file)
    source = file.relative_to(root.parent).as_posix()
    if not document.id.startswith(document.source):
        return replace(document, source=source)
    # Two folders of one name stay two: the mark tells their ways apart without telling them.
    mark = hashlib.sha256(document.source.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    identifier = f"{source}~{mark}{document.id.removeprefix(document.source)}"
    title = identifier if document.title == document.id else document.title
    return replace(document, id=identifier, title=title, source=source)


def decoded(value: bytes | str | None) -> str:
    """Return what Redis gave as text."""
    return value.decode() if isinstance(value, bytes) else value or ""


def embedded_texts(document: Document, chunk: Span, *, windows: bool) -> list[str]:
    """Return what of a passage is embedded: its parts, each with the title, or all of it as one."""
    parts = chunks(chunk.text, size=WINDOW_CHARS, overlap=0) if windows else [chunk]
    return [f"{document.title}\n{part.text}" for part in parts]


def read_passage(passage_id: str, fields: Mapping[str, str], *, score: float = 0.0) -> Passage:
    """Return the passage a record holds."""
    return Passage(
        id=passage_id,
        document_id=fields["document"],
        title=fields["title"],
        source=fields["source"],
        text=fields["text"],
        start=int(fields["start"]),
        score=score,
    )
