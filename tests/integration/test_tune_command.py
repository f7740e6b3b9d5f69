"""`twintrack eval tune` writes one file, and the application that loads it behaves otherwise."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands import assert_one_line, run
from tests.integration.test_eval_commands import lines
from tests.unit.test_eval_router import rows_of

TOWNS = ("Lindwick", "Arbourne", "Vester", "Holm", "Brackwater", "Ketterby", "Orlo", "Dunmore", "Saltby", "Marrow")
THINGS = ("lighthouse", "bridge", "tower")
VALUES = {
    "vector_weights.towns",
    "withhold.english",
    "weak_evidence",
    "cache_threshold",
    "routing.threshold",
}


@pytest.fixture
def towns(tmp_path: Path) -> tuple[str, ...]:
    """Write a corpus of towns, its questions and some to route; return the options that name them."""
    passages, asked = [], []
    for number, town in enumerate(TOWNS):
        said = [
            f"The {thing} of {town} is {20 + 3 * number + 7 * place} metres tall." for place, thing in enumerate(THINGS)
        ]
        passages.append({"pid": f"{town}#0", "title": town, "text": " ".join(said)})
        for place, thing in enumerate(THINGS):
            metres = f"{20 + 3 * number + 7 * place} metres"
            asked.append({"pid": f"{town}#0", "question": f"How tall is the {thing} of {town}?", "answers": [metres]})
        asked.append({"pid": f"{town}#0", "question": f"Who painted the ceiling in {town}?", "answers": []})
    named = lines(tmp_path / "towns.jsonl", passages), lines(tmp_path / "asked.jsonl", asked)
    routes = lines(tmp_path / "routes.jsonl", rows_of("a", "b", times=2))
    return ("--passages", str(named[0]), "--data", str(named[1]), "--routes", str(routes))


def tuned(folder: Path, url: str, *arguments: str) -> dict[str, Any]:
    done = run(folder, url, "eval", "tune", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_one_file_holds_every_part_and_each_is_told_before_and_after(
    clean: str, tmp_path: Path, towns: tuple[str, ...]
) -> None:
    told = tuned(tmp_path, clean, *towns)
    changes = told["changes"]
    assert {one["value"] for one in changes} >= VALUES
    assert all({"before", "after", "figure", "figure_before", "figure_after"} <= set(one) for one in changes)
    assert told["not_chosen"] == []
    held = json.loads((tmp_path / "tuning.json").read_text())
    parts = {"vector_weights", "withhold", "weak_evidence", "cache_threshold", "routing"}
    assert set(held) == set(held["provenance"]) | {"provenance"} == parts | {"provenance"}
    assert held["provenance"]["routing"]["command"].startswith("twintrack eval tune --passages towns.jsonl")


def test_the_application_that_loads_the_file_behaves_otherwise(
    filled: str, tmp_path: Path, towns: tuple[str, ...]
) -> None:
    tuned(tmp_path, filled, *towns, "--only", "withhold", "--only", "routing", "--out", "own.json")
    file = tmp_path / "own.json"
    held = json.loads(file.read_text())
    asked = ("ask", "What is the monthly fee of the Blue Account?", "--json")

    def status(**settings: str) -> tuple[str, str]:
        answer = json.loads(run(tmp_path, filled, *asked, **settings).stdout)
        return answer["status"], answer["route"]

    assert status() == status(TWINTRACK_TUNING__FILE="own.json") == ("answered", "direct")
    held["withhold"]["english"] = -50.0
    file.write_text(json.dumps(held))
    assert status(TWINTRACK_TUNING__FILE="own.json")[0] == "abstained"
    held["routing"] |= {"threshold": 0.0, "margin": 0.0}
    file.write_text(json.dumps(held))
    assert status(TWINTRACK_TUNING__FILE="own.json")[1] == "team"


def test_a_weight_is_chosen_for_each_corpus_and_used_for_it_alone(
    clean: str, tmp_path: Path, towns: tuple[str, ...]
) -> None:
    only = ("--only", "vector_weights", "--out", "own.json")
    tuned(tmp_path, clean, *towns[:4], "--corpus", "sights", *only)
    tuned(tmp_path, clean, *towns[:4], *only)
    held = json.loads((tmp_path / "own.json").read_text())
    assert set(held["vector_weights"]) == {"sights", "towns"}
    shown = json.loads(run(tmp_path, clean, "settings", "--json", TWINTRACK_TUNING__FILE="own.json").stdout)
    assert shown["retrieval"]["vector_weights"] == held["vector_weights"]


def test_a_table_is_printed_for_people(clean: str, tmp_path: Path, towns: tuple[str, ...]) -> None:
    done = run(tmp_path, clean, "eval", "tune", *towns, "--only", "cache_threshold", COLUMNS="160")
    assert done.returncode == 0, done.stderr
    for word in ("cache_threshold", "false_hit_rate", "true_hit_rate", "before", "after", "tuning.json"):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--out", "gone/tuning.json"), "gone/tuning.json: it cannot be written"),
        (("--corpus", "a", "--corpus", "b"), "as many --corpus"),
        (("--data", "more.jsonl"), "as many --data"),
    ],
)
def test_what_would_fail_after_the_work_is_refused_before_it(
    clean: str, tmp_path: Path, towns: tuple[str, ...], arguments: tuple[str, ...], told: str
) -> None:
    code = 1 if "--out" in arguments else 2
    assert_one_line(run(tmp_path, clean, "eval", "tune", *towns, *arguments), told, code=code)


def test_a_file_of_something_else_is_left_alone(clean: str, tmp_path: Path, towns: tuple[str, ...]) -> None:
    notes = tmp_path / "notes.json"
    notes.write_text('{"a": "list"}')
    assert_one_line(run(tmp_path, clean, "eval", "tune", *towns, "--out", "notes.json"), "notes.json holds no tuning")
    assert notes.read_text() == '{"a": "list"}'


def test_a_command_that_loads_a_bad_file_says_so_in_one_line(clean: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{}}")
    done = run(tmp_path, clean, "ask", "Hello?", TWINTRACK_TUNING__FILE="bad.json")
    assert_one_line(done, "bad.json holds no tuning", "Fix: make one with `twintrack eval tune`")
