"""Who finds a document: its tenant, or the users and groups it names, and nobody else whatever they are called."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.examples import examples
from twintrack.core.access import access_of, may_read, reach
from twintrack.core.context import Identity
from twintrack.core.corpus import Corpus
from twintrack.core.errors import SettingsError
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings, RetrievalSettings

SETTINGS = RetrievalSettings.model_validate({"vector_index": "flat"})
ANNE = Identity("acme", "anne", ("legal",))
BOB = Identity("acme", "bob", ("sales", "board"))
NAMES = st.one_of(
    st.sampled_from(
        [
            "a",
            "A",
            "a*",
            "*",
            "a|b",
            "_",
            "b",
            "a}",
            "{",
            "all",
            "user a",
            "group a",
            "a\tb",
            "..",
            "",
            "%",
            "\\",
            "甲",
            "\ud800",
        ]
    ),
    st.text(min_size=1, max_size=6),
)


class Alike:
    """Finds everything equally near, so that nothing but the walls keeps a document back."""

    name, dims = "test:alike", 4

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.full((len(texts), 4), 0.5, np.float32)

    async def embed_one(self, text: str) -> NDArray[np.float32]:
        del text
        return VECTOR


VECTOR = np.full(4, 0.5, np.float32)


@pytest.fixture
def corpus(source: RedisSource) -> Corpus:
    return Corpus(source, Alike(), SETTINGS)


def write(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.md").write_text(f"The secret word is {name}.")
    return folder


async def seen(corpus: Corpus, identity: Identity) -> set[str]:
    passages = await corpus.search("What is the secret word?", VECTOR, identity=identity, limit=100)
    assert [await corpus.passage(one["id"], identity=identity) is None for one in passages] == [False] * len(passages)
    assert len(passages) == await corpus.count(identity=identity)
    return {one["title"] for one in passages}


async def test_a_document_for_a_group_is_found_by_its_members_alone(corpus: Corpus, tmp_path: Path) -> None:
    await corpus.ingest([write(tmp_path / "l", "contract")], identity=ANNE, readers=["group:legal"])
    await corpus.ingest([write(tmp_path / "m", "minutes")], identity=ANNE, readers=["group:board", "user:carl"])
    await corpus.ingest([write(tmp_path / "o", "menu")], identity=ANNE)
    assert await seen(corpus, ANNE) == {"contract", "menu"}
    assert await seen(corpus, BOB) == {"minutes", "menu"}
    assert await seen(corpus, Identity("acme", "carl")) == {"minutes", "menu"}
    assert await seen(corpus, Identity("acme", "dora")) == {"menu"}
    assert await seen(corpus, Identity("rival", "anne", ("legal", "board"))) == set()


async def test_the_version_is_shared_by_those_who_can_read_the_same(corpus: Corpus, tmp_path: Path) -> None:
    await corpus.ingest([write(tmp_path / "o", "menu")], identity=ANNE)
    dora, earl = Identity("acme", "dora"), Identity("acme", "earl", ("unheard of",))
    assert await corpus.version(identity=ANNE) == await corpus.version(identity=dora)
    before = await corpus.version(identity=dora)
    await corpus.ingest([write(tmp_path / "l", "contract")], identity=ANNE, readers=["group:legal"])
    versions = [await corpus.version(identity=one) for one in (ANNE, Identity("acme", "zoe", ("legal",)), dora, earl)]
    assert versions[0] == versions[1] != versions[2] == versions[3] != before


async def test_documents_for_readers_are_dropped_without_the_others(corpus: Corpus, tmp_path: Path) -> None:
    await corpus.ingest([write(tmp_path / "l", "contract")], identity=ANNE, readers=["group:legal"])
    await corpus.ingest([write(tmp_path / "o", "menu")], identity=ANNE)
    assert await corpus.clear(identity=ANNE, readers=["group:legal"]) == 1
    assert await seen(corpus, ANNE) == {"menu"}


@pytest.mark.parametrize("reader", ["anne", "role:legal", "group:", ""])
def test_a_reader_that_is_neither_user_nor_group_is_refused(reader: str) -> None:
    with pytest.raises(SettingsError, match="no reader"):
        access_of([reader])


@given(owner=NAMES, other=NAMES, groups=st.lists(NAMES, max_size=3))
def test_no_name_reads_what_is_anothers(owner: str, other: str, groups: list[str]) -> None:
    held = access_of([f"user:{owner}"]) if owner else "user %"
    assert may_read(held, Identity("t", owner))
    assert may_read(held, Identity("t", other, tuple(groups))) == (owner == other)


@given(one=NAMES, other=NAMES)
def test_two_tenants_are_never_held_to_the_same_tag(one: str, other: str) -> None:
    assert set(reach(Identity(one))["wall"]).isdisjoint(reach(Identity(other))["wall"]) == (one != other)


@examples(200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(st.tuples(NAMES, NAMES.filter(bool), NAMES), min_size=2, max_size=4, unique=True))
def test_nobody_finds_what_is_not_theirs(
    redis_url: str, tmp_path_factory: pytest.TempPathFactory, people: list[tuple[str, str, str]]
) -> None:
    """Tenants, users and groups of hostile names, each with a shared, a private and a group's document."""
    folder = tmp_path_factory.mktemp("walls")

    async def probe() -> None:
        source = RedisSource(RedisSettings.model_validate({"url": redis_url}))
        await source.client().flushall()
        corpus = Corpus(source, Alike(), SETTINGS)
        owned: dict[str, tuple[str, str, str, str]] = {}
        for number, (tenant, user, group) in enumerate(people):
            who = Identity(tenant, user, (group,))
            for kind, choice in {
                "shared": {},
                "own": {"private": True},
                "group": {"readers": [f"group:{group or 'g'}"]},
            }.items():
                name = f"word{number}{kind}"
                await corpus.ingest([write(folder / name, name)], identity=who, **choice)  # type: ignore[arg-type]
                owned[name] = (kind, tenant, user, group or "g")
        for tenant, user, group in people:
            may = {
                name
                for name, (kind, of, owner, members) in owned.items()
                if of == tenant
                and (kind == "shared" or (kind == "own" and owner == user) or (kind == "group" and members == group))
            }
            assert await seen(corpus, Identity(tenant, user, (group,))) == may
        await source.aclose()

    asyncio.run(probe())
