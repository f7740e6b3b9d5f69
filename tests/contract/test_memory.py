"""What the memory of one user promises, on a real Redis."""

import asyncio
import dataclasses
import json
from collections.abc import Sequence

import numpy as np
import pytest
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage
from numpy.typing import NDArray
from redis.exceptions import RedisError

from tests.contract.conftest import WHO, Opener
from twintrack.app.testing import ScriptedChatModel
from twintrack.core import keys
from twintrack.core.context import Identity
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import MemorySettings, RedisSettings
from twintrack.core.tokens import words
from twintrack.memory.schemas import Turn
from twintrack.memory.tiers import Memory

ANN = Identity("acme", "ann")
LONG: list[AnyMessage] = [
    message
    for i in range(20)
    for message in (HumanMessage(f"Question {i}?", id=f"h{i}"), AIMessage(f"Answer {i}.", id=f"a{i}"))
]


class BagOfWords:
    """An embedder at the model's edge: texts that share words are near each other."""

    def __init__(self, name: str = "test:bag", dims: int = 256) -> None:
        self.name = name
        self.dims = dims

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self._vector(text) for text in texts])

    async def embed_one(self, text: str) -> NDArray[np.float32]:
        return self._vector(text)

    def _vector(self, text: str) -> NDArray[np.float32]:
        vector = np.full(self.dims, 1e-3, np.float32)
        for word in words(text):
            vector[sum(ord(sign) * 31**i for i, sign in enumerate(word)) % self.dims] += 1
        return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


@pytest.fixture
def memory(source: RedisSource) -> Memory:
    return Memory(source, BagOfWords(), MemorySettings())


def turn(
    question: str,
    answer: str = "Noted.",
    *,
    number: int = 1,
    thread: str = "t1",
    status: str = "answered",
    messages: Sequence[AnyMessage] = (),
) -> Turn:
    return Turn(
        thread_id=thread,
        turn_id=f"turn-{number}",
        question=question,
        answer=answer,
        route="direct",
        status=status,
        created_at=1000.0 + number,
        messages=messages,
    )


async def vector(memory: Memory, text: str) -> NDArray[np.float32]:
    return await memory.facts.embedder.embed_one(text)


async def recalled(
    memory: Memory, question: str, identity: Identity = ANN, thread: str = "other"
) -> tuple[list[str], list[str]]:
    found = await memory.recall(question, await vector(memory, question), identity=identity, thread_id=thread)
    return [fact["text"] for fact in found["facts"]], [episode["question"] for episode in found["episodes"]]


async def everything(source: RedisSource) -> dict[bytes, bytes | None]:
    client = source.client()
    return {name: await client.dump(name) async for name in client.scan_iter(match="twintrack:*")}


async def test_what_a_user_says_of_themselves_is_recalled_in_another_thread(memory: Memory) -> None:
    await memory.remember(turn("I live in Paris. What is the weather like?"), identity=ANN)
    facts, episodes = await recalled(memory, "Where do I live?")
    assert facts == ["I live in Paris."]
    assert episodes == ["I live in Paris. What is the weather like?"]


async def test_remembering_a_turn_twice_leaves_what_once_leaves(memory: Memory, source: RedisSource) -> None:
    said = turn("I live in Paris.")
    first = await memory.remember(said, identity=ANN)
    before = await everything(source)
    second = await memory.remember(said, identity=ANN)
    assert await everything(source) == before
    assert (len(first["facts"]), second["facts"]) == (1, [])
    assert first["episode"] == second["episode"]


async def test_a_turn_remembered_again_after_a_newer_one_changes_nothing(memory: Memory, source: RedisSource) -> None:
    first = dataclasses.replace(turn("I live in Paris.", number=1), created_at=None)
    await memory.remember(first, identity=ANN)
    await memory.remember(dataclasses.replace(turn("I live in Rome.", number=2), created_at=None), identity=ANN)
    before = await memory.facts.list(ANN, replaced=True)
    await memory.remember(first, identity=ANN)
    assert await memory.facts.list(ANN, replaced=True) == before
    assert (await recalled(memory, "Where do I live?"))[0] == ["I live in Rome."]


async def test_a_newer_fact_on_the_topic_replaces_the_older_which_is_kept(memory: Memory) -> None:
    await memory.remember(turn("I live in Paris.", number=1), identity=ANN)
    left = await memory.remember(turn("I live in Rome.", number=2), identity=ANN)
    facts, _ = await recalled(memory, "Where do I live?")
    assert facts == ["I live in Rome."]
    paris, rome = await memory.facts.list(ANN, replaced=True)
    assert left["replaced"] == [paris["id"]]
    assert (paris["invalid_at"], paris["replaced_by"]) == (rome["created_at"], rome["id"])
    assert (rome["invalid_at"], rome["replaced_by"]) == (0.0, "")


async def test_a_topic_may_return_to_what_it_was(memory: Memory) -> None:
    for number, city in enumerate(["Paris", "Rome", "Paris"], start=1):
        await memory.remember(turn(f"I live in {city}.", number=number), identity=ANN)
    assert (await recalled(memory, "Where do I live?"))[0] == ["I live in Paris."]
    assert len(await memory.facts.list(ANN, replaced=True)) == 3


async def test_an_older_turn_remembered_late_replaces_nothing(memory: Memory) -> None:
    await memory.remember(turn("I live in Rome.", number=2), identity=ANN)
    await memory.remember(turn("I live in Paris.", number=1), identity=ANN)
    assert (await recalled(memory, "Where do I live?"))[0] == ["I live in Rome."]


async def test_the_same_fact_in_another_thread_is_one_fact(memory: Memory) -> None:
    await memory.remember(turn("My name is Ann.", number=1), identity=ANN)
    await memory.remember(turn("my name is Ann!", number=2, thread="t2"), identity=ANN)
    assert len(await memory.facts.list(ANN, replaced=True)) == 1


async def test_a_near_duplicate_without_a_topic_replaces_the_older(memory: Memory) -> None:
    await memory.remember(
        turn("Remember that blue team meets Friday around nine inside that big room behind our old house", number=1),
        identity=ANN,
    )
    await memory.remember(
        turn("Remember that blue team meets Friday around ten inside that big room behind our old house", number=2),
        identity=ANN,
    )
    assert [fact["text"] for fact in await memory.facts.list(ANN)] == [
        "blue team meets Friday around ten inside that big room behind our old house"
    ]


async def test_two_turns_at_once_on_one_topic_leave_one_recalled_fact(memory: Memory) -> None:
    await asyncio.gather(
        *(memory.remember(turn(f"I live in City{n}.", number=n, thread=f"t{n}"), identity=ANN) for n in range(8))
    )
    facts, episodes = await recalled(memory, "Where do I live?")
    assert facts == ["I live in City7."]
    assert len(episodes) == 3


@pytest.mark.parametrize(
    "other",
    [
        Identity("acme", "Ann"),
        Identity("ACME", "ann"),
        Identity("acme", "ann "),
        Identity("acme", "ann*"),
        Identity("acme", "*"),
        Identity("*", "*"),
        Identity("acme", "ann|bob"),
        Identity("acme", "a"),
        Identity("acme", ""),
        Identity("", "ann"),
        Identity("acme", "} | @user:{ann"),
        Identity("acme:ann", "x"),
        Identity("acme", "安"),
        Identity("acme", "ann,bob"),
        Identity("acme", "ann\x00"),
    ],
    ids=repr,
)
async def test_one_user_never_sees_or_touches_another_s_memory(memory: Memory, other: Identity) -> None:
    mine = await memory.remember(turn("I live in Paris.", messages=LONG), identity=ANN)
    assert await recalled(memory, "Where do I live?", other, "t1") == ([], [])
    assert (await memory.recall("x", await vector(memory, "x"), identity=other, thread_id="t1"))["summary"] == ""
    assert await memory.facts.list(other) == []
    assert not await memory.forget(other, mine["facts"][0])
    assert [record async for record in memory.export(other)] == []
    assert await memory.retract(other, "t1", after=0) == 0
    await memory.remember(turn("I live in Rome."), identity=other)
    assert (await recalled(memory, "Where do I live?", other))[0] == ["I live in Rome."]
    assert (await recalled(memory, "Where do I live?"))[0] == ["I live in Paris."]
    assert await memory.erase(other) == 2
    assert len([record async for record in memory.export(ANN)]) == 3


async def test_erasing_leaves_no_key_of_that_user_and_every_key_of_others(memory: Memory, source: RedisSource) -> None:
    for identity in (ANN, Identity("acme", "Ann")):
        await memory.remember(turn("I live in Paris.", messages=LONG), identity=identity)
        await memory.remember(turn("I live in Rome.", number=2, messages=LONG), identity=identity)
    assert await memory.erase(ANN) == 5
    left = await everything(source)
    assert not [name for name in left if b":acme:ann:" in name]
    assert len(left) == 5
    assert await memory.erase(ANN) == 0
    assert await recalled(memory, "Where do I live?", thread="t1") == ([], [])


async def test_erasing_reaches_what_another_embedder_wrote(source: RedisSource) -> None:
    await Memory(source, BagOfWords("test:old", 64), MemorySettings()).remember(turn("I live in Paris."), identity=ANN)
    assert await Memory(source, BagOfWords(), MemorySettings()).erase(ANN) == 2
    assert await everything(source) == {}


async def test_two_embedders_have_their_own_indexes(source: RedisSource) -> None:
    small, large = (Memory(source, BagOfWords("test:bag", dims), MemorySettings()) for dims in (64, 256))
    await small.remember(turn("I live in Paris."), identity=ANN)
    assert await recalled(large, "Where do I live?") == ([], [])
    assert (await recalled(small, "Where do I live?"))[0] == ["I live in Paris."]
    names = {await each.facts.records.kind() for each in (small, large)}
    assert names == {"fact.test-bag.64", "fact.test-bag.256"}


async def test_the_export_holds_every_record_once(memory: Memory) -> None:
    await memory.remember(turn("I live in Paris.", messages=LONG), identity=ANN)
    await memory.remember(turn("I live in Rome.", number=2, messages=LONG), identity=ANN)
    records = [record async for record in memory.export(ANN)]
    assert sorted(record["tier"] for record in records) == ["episode", "episode", "fact", "fact", "summary"]
    assert json.loads(json.dumps(records)) == records


async def test_chinese_is_remembered_and_recalled(memory: Memory) -> None:
    await memory.remember(turn("我住在上海。我对花生过敏。", "好的。"), identity=ANN)
    await memory.remember(turn("我的信用卡年费是多少", "每年三百元。", number=2), identity=ANN)
    assert (await recalled(memory, "我对什么过敏？"))[0][0] == "我对花生过敏。"
    assert (await recalled(memory, "信用卡的年费"))[1][0] == "我的信用卡年费是多少"


@pytest.mark.parametrize(
    "question",
    [
        "will there interview required",
        "the the the",
        "@user:{*} | *",
        ") | (*",
        "=>[KNN 5 @vector $vector]",
        "\\",
        '"',
        "-@user:{ann}",
        "%%%",
        "",
        " ",
        "\x00\ud800",
        "🙂",
        "a" * 20_000,
        "word " * 4_000,
        "你" * 5_000,
        "~",
        "$vector",
        "isempty(@user)",
        "ß İ ǅ ﬁ",
    ],
)
async def test_hostile_text_is_only_text(memory: Memory, question: str) -> None:
    await memory.remember(turn("I live in Paris. There will be an interview."), identity=ANN)
    await memory.remember(turn("I live in Rome."), identity=Identity("acme", "bob"))
    facts, episodes = await recalled(memory, question)
    assert facts == ["I live in Paris."]
    assert len(episodes) == 1
    await memory.remember(turn(question, question, number=2), identity=ANN)
    assert await memory.source.client().ping()


async def test_a_rollback_takes_back_what_the_thread_taught_and_revives_what_it_replaced(memory: Memory) -> None:
    await memory.remember(turn("I live in Paris.", number=1), identity=ANN)
    await memory.remember(turn("I live in Rome.", number=2), identity=ANN)
    await memory.remember(turn("I live in Oslo.", number=3, messages=LONG), identity=ANN)
    await memory.remember(turn("My name is Ann.", number=9, thread="t2"), identity=ANN)
    assert await memory.retract(ANN, "t1", after=1001.5) == 4
    assert [fact["text"] for fact in await memory.facts.list(ANN)] == ["I live in Paris.", "My name is Ann."]
    facts, episodes = await recalled(memory, "Where do I live?")
    assert facts[0] == "I live in Paris."
    assert set(episodes) == {"I live in Paris.", "My name is Ann."}
    found = await memory.recall("x", await vector(memory, "x"), identity=ANN, thread_id="t1")
    assert found["summary"] == ""


@pytest.mark.parametrize(
    ("status", "facts", "episodes"),
    [("answered", 1, 1), ("abstained", 1, 1), ("failed", 0, 1), ("refused", 0, 0), ("interrupted", 0, 0)],
)
async def test_only_an_answered_turn_teaches_facts(memory: Memory, status: str, facts: int, episodes: int) -> None:
    left = await memory.remember(turn("I live in Paris.", status=status), identity=ANN)
    assert (len(left["facts"]), len([left["episode"]] if left["episode"] else [])) == (facts, episodes)


async def test_an_answer_teaches_nothing_about_the_user(memory: Memory) -> None:
    left = await memory.remember(turn("Who are you?", "I live in Paris and my name is Bot."), identity=ANN)
    assert left["facts"] == []


async def test_turns_still_in_the_window_are_not_recalled_as_episodes(memory: Memory) -> None:
    await memory.remember(turn("What is the fee?"), identity=ANN)
    asked: list[AnyMessage] = [
        HumanMessage("What is the fee?", id="turn-1"),
        AIMessage("Three."),
        HumanMessage("And the fee now?", id="turn-2"),
    ]
    question = await vector(memory, "And the fee now?")
    same = await memory.recall("And the fee now?", question, identity=ANN, thread_id="t1", messages=asked)
    other = await memory.recall("And the fee now?", question, identity=ANN, thread_id="t2", messages=asked)
    assert (len(same["episodes"]), len(other["episodes"])) == (0, 1)


async def test_the_summary_of_a_long_thread_is_recalled_in_that_thread_only(memory: Memory) -> None:
    left = await memory.remember(turn("Question 19?", messages=LONG), identity=ANN)
    assert left["summarised"]
    here = await memory.recall("x", await vector(memory, "x"), identity=ANN, thread_id="t1", messages=LONG)
    there = await memory.recall("x", await vector(memory, "x"), identity=ANN, thread_id="t2")
    assert "Question 0?" in here["summary"]
    assert there["summary"] == ""


async def test_a_thread_that_fits_its_window_is_asked_for_no_summary(
    memory: Memory, source: RedisSource, caplog: pytest.LogCaptureFixture
) -> None:
    await source.client().rpush(keys.owned("summary", ANN, "t1"), "reading this fails")
    found = await memory.recall("x", await vector(memory, "x"), identity=ANN, thread_id="t1", messages=LONG[:2])
    assert found["summary"] == ""
    assert "summaries" not in caplog.text


async def test_a_summary_and_an_episode_expire_and_a_fact_does_not(memory: Memory, source: RedisSource) -> None:
    await memory.remember(turn("I live in Paris.", messages=LONG), identity=ANN)
    left = {name.split(b":")[1].split(b".")[0]: await source.client().ttl(name) for name in await everything(source)}
    assert left[b"fact"] == -1
    assert 0 < left[b"summary"] <= 30 * 86_400
    assert 0 < left[b"episode"] <= 365 * 86_400


async def test_a_broken_tier_is_empty_and_the_others_answer(
    memory: Memory, source: RedisSource, caplog: pytest.LogCaptureFixture
) -> None:
    await memory.remember(turn("I live in Paris."), identity=ANN)
    await source.client().rpush(keys.owned("summary", ANN, "t1"), "not a summary")
    found = await memory.recall("x", await vector(memory, "x"), identity=ANN, thread_id="t1", messages=LONG)
    assert found["summary"] == ""
    assert [fact["text"] for fact in found["facts"]] == ["I live in Paris."]
    assert "summaries" in caplog.text
    assert "I live in" not in caplog.text


async def test_an_index_lost_while_running_comes_back_with_its_records(memory: Memory, source: RedisSource) -> None:
    await memory.remember(turn("I live in Paris."), identity=ANN)
    for records in (memory.facts.records, memory.episodes.records):
        await source.client().ft(f"twintrack:{await records.kind()}").dropindex()
    assert len(await memory.facts.list(ANN)) == 1
    assert await recalled(memory, "Where do I live?") == (["I live in Paris."], ["I live in Paris."])


async def test_without_redis_a_turn_still_recalls_nothing_rather_than_fail() -> None:
    source = RedisSource(RedisSettings.model_validate({"url": "redis://127.0.0.1:1/0", "timeout_s": 0.2}))
    memory = Memory(source, BagOfWords(), MemorySettings())
    assert await recalled(memory, "Where do I live?") == ([], [])
    left = await memory.remember(turn("I live in Paris."), identity=ANN)
    assert (left["facts"], left["episode"]) == ([], "")
    await source.aclose()


async def test_a_fault_of_ours_is_not_mistaken_for_a_broken_tier(memory: Memory) -> None:
    with pytest.raises(RedisError):
        await memory.facts.recall("x", np.ones(3, np.float32), identity=ANN, limit=3)


async def test_limits_of_zero_turn_a_tier_off(source: RedisSource) -> None:
    memory = Memory(source, BagOfWords(), MemorySettings(facts_limit=0, episodes_limit=0))
    await memory.remember(turn("I live in Paris."), identity=ANN)
    assert await recalled(memory, "Where do I live?") == ([], [])


async def test_the_answerer_writes_the_summary_on_the_turns_budget(opener: Opener) -> None:
    def line(messages: list[BaseMessage]) -> str:
        return "They spoke of the harbour." if "Summarise" in messages[0].text else "It is 41 metres tall. [1]"

    model = ScriptedChatModel(script=line)
    async with opener({"memory": {"window_messages": 2}}, models={"answerer": model}) as app:
        answers = [
            await app.ask("How tall is the lighthouse of the harbour?", thread_id="t", user_id=WHO.user_id)
            for _ in range(4)
        ]
        [summary] = [record async for record in app.memory.export(WHO) if record["tier"] == "summary"]
        after = await app.ask("How tall is the lighthouse of the harbour?", thread_id="t", user_id=WHO.user_id)
    assert (summary["text"], summary["by"]) == ("They spoke of the harbour.", "model")
    assert sum("Summarise" in prompt[0].text for prompt in model.prompts) == 1
    assert answers[-1].usage.model_calls == after.usage.model_calls + 1
    assert any("They spoke of the harbour." in str(prompt) for prompt in model.prompts)
