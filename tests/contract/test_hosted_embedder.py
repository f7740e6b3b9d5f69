"""A provider's embedder end to end: documents are read in with its vectors, and questions find them."""

import re
import zlib
from typing import Any

import pytest

from tests.contract.conftest import WHO, Opener
from tests.stubbed_models import SIMPLE
from twintrack.app.testing import StubServer
from twintrack.core.errors import TwintrackError

DIMS = 24


def hashed(texts: list[str], dims: int = DIMS) -> list[list[float]]:
    """Give texts that share words vectors that lie near each other."""
    rows = []
    for text in texts:
        row = [0.01] * dims
        for word in text.lower().split():
            row[zlib.crc32(word.strip(".,?").encode()) % dims] += 1.0
        rows.append(row)
    return rows


def hosted(server: StubServer, name: str = "openai:embed-small") -> dict[str, Any]:
    return {"models": {"embedder": name, "base_url": server.base_url, "api_key": "k", "max_attempts": 1}}


async def test_documents_and_questions_are_embedded_by_the_provider(opener: Opener) -> None:
    async with StubServer([], embed=hashed) as server, opener(hosted(server)) as app:
        answer = await app.ask(SIMPLE, user_id=WHO.user_id)
        client: Any = app.parts.source.client()
        indexes = [name.decode() for name in await client.execute_command("FT._LIST")]
        described = {name: repr(await client.execute_command("FT.INFO", name)) for name in indexes}
    assert (answer.status, app.parts.resources.embedder.dims) == ("answered", DIMS)
    assert "41 metres" in answer.text
    vectors = {name: said for name, said in described.items() if "VECTOR" in said}
    assert vectors
    assert all(re.search(rf"'dim'[,:] {DIMS}\b", said) for said in vectors.values()), vectors
    said = [text for request in server.embedded for text in request["input"]]
    assert SIMPLE in said
    assert any("41 metres" in text for text in said)
    assert all(isinstance(text, str) for text in said)  # words, which every compatible server reads
    assert {request["model"] for request in server.embedded} == {"embed-small"}


async def test_a_corpus_read_in_with_other_vectors_is_not_searched_with_these(opener: Opener) -> None:
    async with StubServer([], embed=hashed) as server:
        async with opener(hosted(server)):
            pass
        async with opener(hosted(server, "openai:embed-large"), ingest=False) as app:
            with pytest.raises(TwintrackError, match="embed-small"):
                await app.corpus.search(SIMPLE, await app.parts.resources.embedder.embed_one(SIMPLE), identity=WHO)


async def test_a_provider_without_embeddings_is_told_with_the_setting(opener: Opener) -> None:
    async with StubServer([]) as server:
        with pytest.raises(TwintrackError, match="TWINTRACK_MODELS__EMBEDDER"):
            async with opener(hosted(server)):
                pass
