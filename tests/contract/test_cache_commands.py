"""`twintrack cache` and `twintrack eval cache` on a real Redis, as people and programs call them."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.commands import assert_one_line, run
from twintrack.evals.cache_pairs import names_in, reworded, swapped

QUESTION = "How tall is the lighthouse?"


@pytest.mark.usefixtures("source")
def test_what_the_cache_saved_is_told_and_it_can_be_emptied(redis_url: str, tmp_path: Path) -> None:
    def told(*arguments: str, **settings: str) -> Any:
        done = run(tmp_path, redis_url, *arguments, "--json", **settings)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    on = {"TWINTRACK_CACHE__ENABLED": "true"}
    (tmp_path / "harbour.md").write_text("# Harbour\n\nThe lighthouse is 41 metres tall. It stands by the sea.")
    told("ingest", "harbour.md")
    assert told("ask", QUESTION, **on)["cached"] == ""
    assert told("ask", f"Please tell me: {QUESTION}", **on)["cached"] == "similar"
    people = run(tmp_path, redis_url, "ask", QUESTION, **on)
    assert "from the answer cache, asked before" in people.stdout
    found = told("cache", "stats", **on)
    assert (found["enabled"], found["entries"], found["hits_exact"], found["hits_similar"]) == (True, 1, 1, 1)
    assert found["hit_rate"] == pytest.approx(2 / 3, abs=0.001)
    assert told("cache", "stats", "--tenant", "rival")["entries"] == 0
    shown = run(tmp_path, redis_url, "cache", "stats").stdout
    assert "1 asked before, 1 in other words" in shown
    assert "TWINTRACK_CACHE__ENABLED=true" in shown
    assert told("cache", "clear", "--yes", "--user", "bea") == {"cleared": 0}
    assert told("cache", "clear", "--yes", "--user", "local") == {"cleared": 1}
    told("ask", QUESTION, **on)
    assert told("cache", "clear", "--yes") == {"cleared": 1}
    assert told("cache", "stats")["hits"] == 0


@pytest.mark.usefixtures("source")
def test_what_agents_found_is_counted_beside_the_answers_and_emptied_with_them(redis_url: str, tmp_path: Path) -> None:
    keeps = {"TWINTRACK_TEAM__AGENTS": '{"calculator": {"cache_seconds": 600}}'}

    def told(*arguments: str) -> Any:
        done = run(tmp_path, redis_url, *arguments, "--json", **keeps)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    for again in (False, True):
        assert [step["again"] for step in told("ask", "What is 17 * 23?")["steps"]] == [again]
    found = told("cache", "stats")
    assert (found["task_entries"], found["task_hits"], found["task_misses"]) == (1, 1, 1)
    assert "1, of 2" in run(tmp_path, redis_url, "cache", "stats").stdout
    assert told("cache", "clear", "--yes", "--user", "local") == {"cleared": 1}
    assert told("cache", "stats")["task_entries"] == 0


def test_emptying_asks_first(redis_url: str, tmp_path: Path) -> None:
    done = run(tmp_path, redis_url, "cache", "clear", given="n\n")
    assert (done.returncode, done.stdout) == (130, "")
    assert "Drop all kept answers of default?" in done.stderr


@pytest.mark.usefixtures("source")
def test_the_eval_finds_the_same_question_and_no_other(redis_url: str, tmp_path: Path) -> None:
    subjects = ["Old Bridge", "North Tower", "Grand Hotel", "City Library", "Salt Mill", "Red Gate"]
    rows = [
        {"pid": f"p{place}", "question": question}
        for place, name in enumerate(subjects)
        for question in (
            f"When was the {name} opened by Otto Brandt in 1884?",
            f"Who opened the {name}?",
            f"谁在{1900 + place}年建立了最大的工厂？",
        )
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    done = run(tmp_path, redis_url, "eval", "cache", "--data", "q.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["false_hit_rate"] == found["through_redis"]["false_hit_rate"] == 0.0
    assert found["true_hit_rate"] > 0.8
    assert found["nearness_alone"]["false_hit_rate_at_.9"] > 0.2
    assert {"number", "name", "opposite", "negation", "question word", "same passage"} <= {
        *found["false_hit_rate_by_kind"]
    }


def test_a_file_that_is_not_there_is_one_plain_line(redis_url: str, tmp_path: Path) -> None:
    assert_one_line(run(tmp_path, redis_url, "eval", "cache", "--data", "none.jsonl"), "none.jsonl")


def test_a_near_miss_differs_in_the_one_thing_it_is_named_after() -> None:
    question = "Was the Stone Bridge opened before the North Tower in 1884?"
    made = {pair.kind: pair.other for pair in swapped(question, names_in("Who saw the Salt Mill?"), random.Random(1))}
    assert "not" in made["negation"]
    assert "after the North Tower" in made["opposite"]
    assert "1884" not in made["number"]
    assert "Salt Mill" in made["name"]
    assert made["order"] == "Was the North Tower opened before the Stone Bridge in 1884?"
    assert all(pair.same for pair in reworded(question))
