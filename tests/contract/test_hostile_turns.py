"""Whatever a question holds, every part that looks at it does its work, and the whole turn ends in an answer."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.conftest import WHO, Opener
from tests.examples import examples
from tests.hostile import PIECES, hostile, repeated
from twintrack.app.application import App
from twintrack.nodes import reuse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

LOOKED_FOR, AT_ONCE = examples(1_000).max_examples, 50
"""Ten thousand where the thorough profile is in force, as in `make check`."""
ASKED = 150
LONG = [repeated(piece) for piece in ("中", "a ", "@words:(", "\ud800", "😀", "-*", "\x00", "will there cat ")]


@pytest.fixture
async def hunted(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[App]:
    """Give an application with documents, memories and a kept answer, in which everything can be found."""
    monkeypatch.setattr(reuse, "PATIENCE_S", 10.0)  # a busy machine may take its time
    slow_is_no_news: dict[str, Any] = {"overhead_unnoticed_s": 1e6}
    async with opener({"cache": {"enabled": True}, "team": slow_is_no_news}) as app:
        await app.ask("My name is Ann.", user_id=WHO.user_id)
        await app.ask("How tall is the lighthouse of the harbour?", user_id=WHO.user_id)
        before = (await app.parts.source.client().info("server"))["run_id"]
        yield app
        assert (await app.parts.source.client().info("server"))["run_id"] == before


async def look(app: App, question: str) -> None:
    """Take a question through the whole recall step, nothing replaced: embedding, route, cache, memory and corpus."""
    resources = app.parts.resources
    vector = await resources.embedder.embed_one(question)
    score = resources.classifier.score(question, vector)
    state: Any = {"question": question, "messages": []}
    assert resources.reuse
    looked, recalled, passages = await asyncio.gather(
        resources.reuse.look(state, WHO, ""),
        resources.memory.recall(question, vector, identity=WHO, thread_id="t"),
        resources.corpus.search(question, vector, identity=WHO),
    )
    assert 0 <= score <= 1
    assert looked.lookup["outcome"] != "broken"
    assert recalled["episodes"] is not None
    assert passages


async def test_thousands_of_hostile_questions_are_looked_for_everywhere(
    hunted: App, caplog: pytest.LogCaptureFixture
) -> None:
    dice = random.Random(11)
    with caplog.at_level(logging.WARNING, logger="twintrack"):
        for _ in range(LOOKED_FOR // AT_ONCE):
            await asyncio.gather(*(look(hunted, hostile(dice)) for _ in range(AT_ONCE)))
        for question in LONG:
            await look(hunted, question)
    assert not caplog.records  # a tier or a cache that breaks does without, and says so in the log alone


async def test_hundreds_of_hostile_questions_go_through_the_whole_graph(
    hunted: App, caplog: pytest.LogCaptureFixture
) -> None:
    dice = random.Random(12)
    questions = [*("", " ", "\n", *PIECES, *LONG), *(hostile(dice) for _ in range(ASKED))]
    with caplog.at_level(logging.WARNING, logger="twintrack"):
        for at in range(0, len(questions), 20):
            answers = await asyncio.gather(*(hunted.ask(one, user_id=WHO.user_id) for one in questions[at : at + 20]))
            assert {answer.status for answer in answers} <= {"answered", "abstained", "refused"}
            assert all(answer.text and answer.model_dump_json() for answer in answers)
    assert not caplog.records
