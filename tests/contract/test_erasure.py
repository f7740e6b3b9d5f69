"""Erasing a user, or a thread, leaves nothing of it anywhere in Redis."""

import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.contract.conftest import WHO, Opener
from twintrack.app.assemble import App
from twintrack.app.walls import namespace_of
from twintrack.core.context import Context, Identity
from twintrack.core.corpus import Corpus
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RetrievalSettings
from twintrack.core.tool_calls import Place, ToolUse
from twintrack.core.waiting import Terms
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.store import RedisVectorStore
from twintrack.memory.versions import Versions

ADA, EVE = Identity("default", "ada-7xq1"), Identity("default", "eve-7xq2")


async def _live(app: App, who: Identity, tmp_path: Path) -> None:
    """Leave every kind of trace that a user can leave."""
    for question in ("My mail is one@example.org and I live in Lindwick.", "How tall is the lighthouse?"):
        await app.ask(question, thread_id=f"of {who.user_id}", user_id=who.user_id)
    await app.graph.ainvoke(
        {"messages": [("human", "Who is the harbour master?")]},
        {
            "configurable": {"thread_id": f"{who.user_id}{{2}}", "user_id": who.user_id, "run_id": str(uuid.uuid4())},
            "metadata": {"run_id": f"run of {who.user_id}"},
        },
        context=Context(user_id=who.user_id),
    )
    ledger, saver = app.parts.resources.ledger, app.graph.checkpointer
    assert ledger
    assert isinstance(saver, VersionedRedisSaver)
    for thread in (f"of {who.user_id}", f"bare of {who.user_id}"):
        use = ToolUse(identity=who, place=Place(thread, "v"), agent="a", tool="send", arguments={}, call_id="c")
        await ledger.once(use, _nothing)
    await saver.storage.put(f"claimed by {who.user_id}", [], who)
    await app.parts.waiting.note(who, f"of {who.user_id}", "place", Terms(0.0, "reject"))
    await RedisVectorStore(app.parts.source, app.parts.resources.embedder).aput(
        (*namespace_of(who), "notes"), "k", {"text": "hello"}
    )
    (tmp_path / f"{who.user_id}.md").write_text(f"# Diary\n\nThe diary of {who.user_id} is blue.\n", encoding="utf-8")
    await app.corpus.ingest([tmp_path / f"{who.user_id}.md"], identity=who, private=True)
    settings = RetrievalSettings.model_validate({"corpus": "another", "vector_type": "float16"})
    other = Corpus(app.parts.source, app.parts.resources.embedder, settings)
    await other.ingest([tmp_path / f"{who.user_id}.md"], identity=who, private=True)


async def _nothing() -> Any:
    return None


async def _keys(source: RedisSource) -> set[bytes]:
    return {key async for key in source.client().scan_iter(count=1000)}


async def _holding(source: RedisSource, user: str) -> list[bytes]:
    """Return every key whose name or content holds the user's id."""
    dump = source.client().dump
    return [key for key in await _keys(source) if user.encode() in key + (await dump(key) or b"")]


async def test_nothing_of_an_erased_user_is_left_and_all_of_the_others(
    opener: Opener, source: RedisSource, tmp_path: Path
) -> None:
    async with opener() as app:
        before = await _keys(source)
        for who in (ADA, EVE):
            await _live(app, who, tmp_path)
        app.parts.tracer.flush()
        eves = set(await _holding(source, EVE.user_id))
        assert len(await _holding(source, ADA.user_id)) > 15

        erased = await app.erase(ADA.user_id)

        assert await _holding(source, ADA.user_id) == []
        assert eves <= await _keys(source)
        assert (erased.threads, erased.items, erased.documents) == (4, 1, 2)
        assert min(erased.memory, erased.traces) > 0
        assert (await app.erase(ADA.user_id)).to_json() == dict.fromkeys(erased.to_json(), 0)
        await app.erase(EVE.user_id)
        assert {key for key in await _keys(source) - before if b":index" not in key} <= _shared(await _keys(source))


def _shared(keys: set[bytes]) -> set[bytes]:
    """Return the keys that belong to a tenant's corpus, not to a user."""
    return {key for key in keys if key.startswith((b"twintrack:corpus", b"twintrack:answer-counts"))}


async def test_a_deleted_thread_leaves_no_key(opener: Opener, source: RedisSource) -> None:
    async with opener() as app:
        saver = app.graph.checkpointer
        assert isinstance(saver, VersionedRedisSaver)
        await app.ask("How tall is the lighthouse?", thread_id="gone", user_id=WHO.user_id)
        await saver.storage.command("SET", b"twintrack:checkpoint:{gone}:lease", b"dead")
        await app.versions.delete("gone", identity=WHO)
        assert not [key for key in await _keys(source) if b"checkpoint" in key or b":run:" in key]


async def test_a_thread_lives_and_goes_whole(opener: Opener, source: RedisSource) -> None:
    async with opener({"checkpoints": {"ttl_minutes": 0.05}}) as app:
        await app.ask("How tall is the lighthouse?", thread_id="t", user_id=WHO.user_id)
        ledger = app.parts.resources.ledger
        assert ledger
        use = ToolUse(identity=WHO, place=Place("t", "v"), agent="a", tool="send", arguments={}, call_id="c")
        await ledger.once(use, _nothing)
        names = [key for key in await _keys(source) if b"checkpoint" in key]
        ends = [await source.client().pexpiretime(name.decode()) for name in names]
        assert 0 < (min(ends) / 1000) - time.time() <= 3
        assert max(ends) - min(ends) <= 1, "no part of a thread outlives another"


@pytest.mark.parametrize("kept", [True, False])
async def test_a_run_on_a_thread_that_is_deleted_ends(opener: Opener, kept: bool) -> None:
    async with opener() as app:
        await app.ask("How tall is the lighthouse?", thread_id="t", user_id=WHO.user_id)
        versions: Versions = app.versions
        if kept:
            async with app.runs.alone(app.graph.checkpointer, "t"):
                pass
        await versions.delete("t", identity=WHO)
        assert (await app.ask("How tall is the lighthouse?", thread_id="t", user_id=WHO.user_id)).status == "answered"
