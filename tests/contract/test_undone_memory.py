"""What undone turns had taught is forgotten with them, and known again when the thread goes forward."""

from typing import Any

from tests.contract.conftest import WHO
from twintrack.app.assemble import App
from twintrack.core.redis_client import RedisSource


async def _tell(app: App, words: str) -> str:
    return (await app.ask(words, thread_id="t", user_id=WHO.user_id)).version


async def _back(app: App, to: str) -> None:
    await app.versions.rollback("t", to, reason="r", actor="ada", identity=WHO)


async def _known(app: App) -> tuple[list[str], list[str]]:
    facts = [fact["text"] for fact in await app.memory.facts.list(WHO)]
    return facts, [episode["question"] for episode in await app.memory.episodes.list(WHO)]


async def test_going_back_forgets_and_going_forward_knows_again(app: App) -> None:
    paris = await _tell(app, "I live in Paris.")
    rome = await _tell(app, "I live in Rome.")
    assert await _known(app) == (["I live in Rome."], ["I live in Paris.", "I live in Rome."])

    await _back(app, paris)
    assert await _known(app) == (["I live in Paris."], ["I live in Paris."])
    oslo = await _tell(app, "I live in Oslo.")
    assert await _known(app) == (["I live in Oslo."], ["I live in Paris.", "I live in Oslo."])

    await _back(app, rome)
    assert await _known(app) == (["I live in Rome."], ["I live in Paris.", "I live in Rome."])
    vector = await app.parts.resources.embedder.embed_one("Where do I live?")
    found = await app.memory.recall("Where do I live?", vector, identity=WHO, thread_id="other")
    assert [fact["text"] for fact in found["facts"]] == ["I live in Rome."]

    await _back(app, oslo)
    assert await _known(app) == (["I live in Oslo."], ["I live in Paris.", "I live in Oslo."])


async def test_a_deleted_thread_leaves_what_was_learnt_unless_that_is_to_go_too(app: App, source: RedisSource) -> None:
    for forget in (False, True):
        first = await _tell(app, "I live in Paris.")
        await _tell(app, "I am allergic to nuts.")
        await _back(app, first)
        await app.versions.delete("t", forget=forget, identity=WHO)
        assert await _known(app) == (([], []) if forget else (["I live in Paris."], ["I live in Paris."]))
        keys = [key async for key in source.client().scan_iter()]
        assert not [key for key in keys if key[-2:] == b":t" or b"{t}" in key or b":undone" in key]
    assert not [key for key in keys if any(kind in key for kind in (b":fact.", b":episode.", b":summary"))]


async def test_what_is_set_aside_is_exported_and_erased_and_no_one_elses(app: App, source: RedisSource) -> None:
    first = await _tell(app, "I live in Paris.")
    await _tell(app, "I am allergic to nuts.")
    other: Any = await app.ask("I live in Kiel.", thread_id="other", user_id=WHO.user_id)
    await _back(app, first)

    told = [record async for record in app.memory.export(WHO)]
    assert {"I am allergic to nuts."} == {
        record.get("text") or record["question"] for record in told if record["tier"] == "undone"
    }
    assert other.status
    assert "I live in Kiel." in (await _known(app))[1]
    await app.memory.erase(WHO)
    assert [key async for key in source.client().scan_iter(match="twintrack:undone*")] == []


async def test_erasing_counts_what_exporting_shows_however_it_is_kept(app: App) -> None:
    first = await _tell(app, "I live in Paris.")
    await _tell(app, "I am allergic to nuts, write to one@example.org.")
    await _tell(app, "My favourite colour is green.")
    await _back(app, first)
    told = [record async for record in app.memory.export(WHO)]
    assert [record["tier"] for record in told].count("undone") > 2
    assert await app.memory.erase(WHO) == len(told)
