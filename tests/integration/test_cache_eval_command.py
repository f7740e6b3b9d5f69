"""`twintrack eval cache` runs on questions of one's own, on the corpus's sentences, and with neither."""

from pathlib import Path

from tests.integration.test_eval_commands import figures_of, lines

KEYS = {"false_hit_rate", "true_hit_rate", "threshold", "same_answer", "through_redis", "questions_from"}
TOWNS = ("Lindwick", "Arbourne", "Vester", "Holm", "Brackwater", "Ketterby")


def test_without_data_the_questions_are_made_of_the_corpus(filled: str, tmp_path: Path) -> None:
    figures = figures_of(tmp_path, filled, "cache")
    assert set(figures) >= KEYS
    assert figures["questions_from"] == "sentences of the corpus default"


def test_without_a_corpus_they_are_made_of_what_the_code_says_of_itself(clean: str, tmp_path: Path) -> None:
    figures = figures_of(tmp_path, clean, "cache", "--limit", "60")
    assert "own code" in figures["questions_from"]
    assert figures["near_misses"] > 0 < figures["same_questions"]
    assert figures["false_hit_rate"] <= 0.005


def test_questions_with_one_answer_are_no_near_misses(clean: str, tmp_path: Path) -> None:
    rows = [
        {"pid": town, "question": question, "answers": [answer]}
        for town in TOWNS
        for question, answer in (
            (f"Who rules {town}?", "Greta"),
            (f"What is the name of the one who rules {town}?", "Greta"),
            (f"Who feeds the cats of {town}?", "Otto"),
        )
    ]
    figures = figures_of(tmp_path, clean, "cache", "--data", str(lines(tmp_path / "asked.jsonl", rows)))
    assert figures["questions_from"] == "asked.jsonl"
    assert figures["same_answer"]["pairs"] == len(TOWNS)
    assert 0 <= figures["same_answer"]["true_hit_rate"] <= 1
