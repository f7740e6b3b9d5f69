"""Many people talk at once in one process: every turn is answered, kept in order, and nobody's state reaches another."""

import asyncio
from typing import Any

import pytest

from tests.contract.conftest import TEXTS, Opener
from twintrack.app.answer import Answer
from twintrack.app.assemble import App
from twintrack.core.context import Identity

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PEOPLE = 50
TENANTS = ("default", "acme")
QUESTIONS = (
    "How tall is the lighthouse of the harbour?",
    "茶园的主人是谁?",
    "Who founded the library of Lindwick?",
    "And when was it?",
    "Who is the harbour master of Lindwick, and what is {number} * 3?",
    "茶园每年生产多少绿茶?",
    "How many books does the library hold?",
    "What is {number} + 1000?",
)


def person(number: int) -> Identity:
    return Identity(TENANTS[number % 2], f"person{number}")


def told(number: int) -> str:
    """Return what this person alone says of himself."""
    return f"我住在星城{number}号。" if number % 3 == 0 else f"My name is Zed{number}x."


def script(number: int) -> list[str]:
    """Return the ten things a person says: a fact, eight questions, and the question about the fact."""
    asked = [question.format(number=10_000 + number) for question in QUESTIONS]
    turned = asked[number % 8 :] + asked[: number % 8]
    return [told(number), *turned, "我住在哪里？" if number % 3 == 0 else "What is my name?"]


async def talk(app: App, number: int) -> list[Answer]:
    who, thread = person(number), f"thread{number}"
    return [
        await app.ask(said, thread_id=thread, user_id=who.user_id, tenant_id=who.tenant_id) for said in script(number)
    ]


async def test_fifty_conversations_of_ten_turns_lose_and_mix_nothing(opener: Opener, tmp_path: Any) -> None:
    async with opener({"tracing": {"keep_local": 5}}) as app:
        for tenant in TENANTS:
            await app.corpus.ingest([tmp_path / name for name in TEXTS], identity=Identity(tenant, "ada"))
        talks = await asyncio.gather(*(talk(app, number) for number in range(PEOPLE)))
        states = [await state(app, number) for number in range(PEOPLE)]
        versions = [await app.versions.list(f"thread{number}", identity=person(number)) for number in range(PEOPLE)]
        remembered = [[record async for record in app.memory.export(person(number))] for number in range(PEOPLE)]
        assert not app.runs._locks
    for number, answers in enumerate(talks):
        assert {answer.status for answer in answers} <= {"answered", "abstained"}, answers
        broken = ("broke", "without memory", "not remembered", "no route", "limit")
        assert not [one.reason for one in answers if any(word in one.reason for word in broken)]
        assert_own(number, answers, states[number])
        assert_ordered(answers, [version.id for version in versions[number]])
        assert_alone(number, str(remembered[number]) + str(states[number]) + "".join(one.text for one in answers))


async def state(app: App, number: int) -> list[Any]:
    config: Any = {"configurable": {"thread_id": f"thread{number}"}}
    return list((await app.graph.aget_state(config)).values["messages"])


def assert_own(number: int, answers: list[Answer], messages: list[Any]) -> None:
    """Check that the thread holds exactly this person's words, each followed by its answer."""
    assert [message.text for message in messages[::2]] == script(number)
    assert [message.text for message in messages[1::2]] == [answer.text for answer in answers]
    by_question = dict(zip(script(number), answers, strict=True))
    assert str((10_000 + number) * 3) in by_question[QUESTIONS[4].format(number=10_000 + number)].text
    assert str(11_000 + number) in by_question[QUESTIONS[7].format(number=10_000 + number)].text
    assert "41 metres" in by_question[QUESTIONS[0]].text
    assert "王小梅" in by_question[QUESTIONS[1]].text
    assert (f"星城{number}号" if number % 3 == 0 else f"Zed{number}x") in answers[-1].text


def assert_ordered(answers: list[Answer], versions: list[str]) -> None:
    """Check that each turn ended in a version of its own, newer than the one before, and the last is the head."""
    ends = [answer.version for answer in answers]
    assert ends == sorted(set(ends))
    assert set(ends) <= set(versions)
    assert versions[0] == ends[-1]
    assert versions == sorted(versions, reverse=True)
    assert len({answer.trace_id for answer in answers}) == len(answers)


def assert_alone(number: int, everything: str) -> None:
    """Check that nothing another person said is in what this one sees or leaves."""
    for other in range(PEOPLE):
        if other != number:
            assert f"Zed{other}x" not in everything
            assert f"星城{other}号" not in everything
