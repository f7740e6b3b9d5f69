"""The judge of questions of several hops, on a real corpus and through the team's own graph."""

from pathlib import Path
from typing import Any

from tests.contract.conftest import Opener
from twintrack.evals import multihop

WORDS = ["granite", "velvet", "copper", "walnut", "saffron", "indigo", "marble", "cotton", "amber", "birch"]


def row(word: str, place: str) -> dict[str, Any]:
    paragraphs = [
        ("Otto Brandt", f"Otto Brandt wrote the book about {word} ships in 1884."),
        (place, f"{place} is the town where Otto Brandt was born; its mayor is Greta Holm."),
        *[(f"Other {number}", f"The {one} trade was slow in year {number}.") for number, one in enumerate(WORDS)],
    ]
    return {
        "question": f"Who is the mayor of the birthplace of the author of the book about {word} ships?",
        "paragraphs": [
            {"idx": number, "title": title, "paragraph_text": text} for number, (title, text) in enumerate(paragraphs)
        ],
        "question_decomposition": [
            {
                "question": f"Who wrote the book about {word} ships?",
                "answer": "Otto Brandt",
                "paragraph_support_idx": 0,
            },
            {"question": "Where was #1 born?", "answer": place, "paragraph_support_idx": 1},
        ],
    }


async def test_gold_hops_find_their_passages_and_the_second_waits_for_the_first(opener: Opener, tmp_path: Path) -> None:
    rows = [row("steam", "Lindwick"), row("sailing", "Marrow Bay")]
    multihop.write_paragraphs(rows, tmp_path / "paragraphs.jsonl")
    async with opener(ingest=False) as app:
        await app.corpus.ingest([tmp_path / "paragraphs.jsonl"], identity=multihop.WHO)
        figures = await multihop.run(app.parts.resources, rows)
    assert figures["all_supports_gold_decomposition"] == 1.0
    assert 0.0 <= figures["all_supports_own_decomposition"] <= 1.0
    assert figures["own_decomposition_by"] == "rules"


async def test_by_rules_what_a_name_leads_to_is_looked_at_too(opener: Opener, tmp_path: Path) -> None:
    nested = row("steam", "Lindwick")
    others = ("Harwick", "Elmstead", "Norbury", "Quayle", "Ashford")
    nested["paragraphs"] += [
        {"idx": 50 + number, "title": other, "paragraph_text": f"The mayor of {other} opened the birthplace museum."}
        for number, other in enumerate(others)
    ]
    multihop.write_paragraphs([nested], tmp_path / "paragraphs.jsonl")
    async with opener(ingest=False) as app:
        await app.corpus.ingest([tmp_path / "paragraphs.jsonl"], identity=multihop.WHO)
        figures = await multihop.run(app.parts.resources, [nested])
    assert figures["own_steps_mean"] == 1.0
    assert figures["all_supports_own_decomposition"] == 1.0
    assert figures["own_passages_mean"] > multihop.PER_HOP


async def test_a_row_whose_passage_is_not_in_the_corpus_counts_as_not_found(opener: Opener, tmp_path: Path) -> None:
    known, lost = row("steam", "Lindwick"), row("rowing", "Atlantis")
    multihop.write_paragraphs([known], tmp_path / "paragraphs.jsonl")
    async with opener(ingest=False) as app:
        await app.corpus.ingest([tmp_path / "paragraphs.jsonl"], identity=multihop.WHO)
        figures = await multihop.run(app.parts.resources, [known, lost])
    assert figures["all_supports_gold_decomposition"] == 0.5


async def test_an_earlier_answer_is_filled_in_where_a_sub_question_names_its_step() -> None:
    planned = await multihop.gold_planner(row("steam", "Lindwick"))({"messages": [], "question": "q"})
    assert [step["depends_on"] for step in planned.steps] == [[], ["1"]]
