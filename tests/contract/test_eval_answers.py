"""`eval answers` asks the whole product: by quoting, and by a model that writes, truly or not."""

from typing import Any

import pytest

from tests.contract.conftest import Opener
from tests.stubbed_models import Part, stubbed
from twintrack.app.testing import says
from twintrack.core.context import Identity
from twintrack.evals import answers

KEYS = {
    "exact_match",
    "f1",
    "citation_precision",
    "citation_recall",
    "citations_resolve",
    "abstention_f1",
    "answer_ms",
    "ttft_ms",
    "ttlt_ms",
    "holds_answer",
}
ROWS: list[dict[str, Any]] = [
    {"question": "How tall is the lighthouse of the harbour?", "answers": ["41 metres"]},
    {"question": "How much did the opera house of Vienna cost?", "answers": [], "unanswerable": True},
]


async def read_in(app: Any, tmp_path: Any) -> None:
    harbour = tmp_path / "harbour.md"
    harbour.write_text("# Harbour\n\nThe lighthouse of the harbour is 41 metres tall. It stands in Lindwick.\n")
    await app.corpus.ingest([harbour], identity=Identity(answers.TENANT))


async def test_quoting_finds_cites_and_withholds(opener: Opener, tmp_path: Any) -> None:
    async with opener({}) as app:
        await read_in(app, tmp_path)
        figures = await answers.run(app, ROWS)
    assert set(figures) >= KEYS
    assert figures["citations_resolve"] == figures["holds_answer"] == figures["abstention_f1"] == 1.0
    assert 0 < figures["ttft_ms"]["p50"] <= figures["ttlt_ms"]["p50"] <= figures["answer_ms"]["p50"]


@pytest.mark.parametrize(
    ("written", "holds", "abstained"),
    [
        ("The lighthouse is 41 metres tall. [1]", 1.0, 0),
        ("The lighthouse is 77 metres tall. [1]", 0.0, 1),
        ("NO ANSWER", 0.0, 1),
    ],
)
async def test_a_model_is_judged_by_what_its_passages_bear_out(
    opener: Opener, tmp_path: Any, written: str, holds: float, abstained: int
) -> None:
    writer: Part = lambda _: says(written)  # noqa: E731
    async with stubbed(opener, answerer=writer, agent=lambda _: says("I found nothing.")) as (app, _):
        await read_in(app, tmp_path)
        figures = await answers.run(app, ROWS[:1])
    assert figures["holds_answer"] == holds
    assert figures["status"].get("abstained", 0) == abstained
    assert figures["citations_resolve"] == float(holds > 0)
