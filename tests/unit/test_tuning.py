"""One file tunes the product: settings win over it, what it leaves out stays, and a bad one is a plain error."""

import json
from pathlib import Path
from typing import Any

import pytest

from twintrack.core.errors import SettingsError
from twintrack.core.settings import RetrievalSettings, Settings, load_settings
from twintrack.core.tuning import Tuning, read_tuning, shipped_tuning, used_tuning, write_tuning
from twintrack.nodes.answerable import Answerable


def file_of(folder: Path, **values: Any) -> Path:
    write_tuning(Tuning(**values), folder / "tuning.json")
    return folder / "tuning.json"


def test_the_file_that_a_setting_names_sets_what_no_setting_does(tmp_path: Path) -> None:
    file = file_of(tmp_path, cache_threshold=0.6, weak_evidence=0.2, vector_weights={"handbook": 0.5})
    tuned = load_settings(tuning={"file": file}, cache={"threshold": 0.9})
    assert (tuned.cache.threshold, tuned.router.weak_evidence) == (0.9, 0.2)
    assert tuned.retrieval.vector_weights == {"handbook": 0.5}


def test_a_corpus_is_weighed_as_it_was_tuned_and_others_as_ever() -> None:
    settings = RetrievalSettings(corpus="handbook", vector_weights={"handbook": 0.6}, long_text_chars=5)
    assert settings.weight("short") == 0.6
    assert settings.weight("longer") == pytest.approx(0.2)
    assert settings.model_copy(update={"corpus": "news"}).weight("short") == 0.3
    assert settings.model_copy(update={"long_text_share": 0.5}).weight("longer") == 0.3


def test_parts_that_a_file_leaves_out_stay_as_they_ship(tmp_path: Path) -> None:
    used = used_tuning(file_of(tmp_path, weak_evidence=0.2))
    assert (used.withhold, used.routing) == (shipped_tuning().withhold, shipped_tuning().routing)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no tuning"),
        ("[]", "holds no tuning"),
        ('{"cache_threshold": 7}', "cache_threshold"),
        ('{"moon": 1}', "moon"),
        ('{"vector_weights": {"a": "much"}}', "vector_weights.a"),
    ],
)
def test_a_file_that_is_no_tuning_is_named_with_its_fix(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "tuning.json"
    file.write_text(text)
    with pytest.raises(SettingsError, match=told) as raised:
        load_settings(tuning={"file": file})
    assert "tuning.json" in str(raised.value)
    assert "twintrack eval tune" in str(raised.value)


def test_a_file_that_is_not_there_is_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.json: the tuning cannot be read"):
        load_settings(tuning={"file": tmp_path / "gone.json"})


def test_weights_for_other_signs_are_refused() -> None:
    withhold = shipped_tuning().withhold
    assert withhold is not None
    with pytest.raises(SettingsError, match="other signs"):
        Answerable.of(Tuning(withhold=withhold.model_copy(update={"weights": {"moon": 1.0}})))


def test_what_is_written_reads_back_with_its_lists_on_one_line(tmp_path: Path) -> None:
    file = tmp_path / "tuning.json"
    write_tuning(shipped_tuning(), file)
    assert read_tuning(file) == shipped_tuning()
    assert max(map(len, file.read_text().splitlines())) > 1000
    assert json.loads(file.read_text())["routing"]["meaning"]["weights"]


def test_without_a_file_nothing_is_tuned() -> None:
    assert Settings().tuning.file is None
    assert Settings().retrieval.vector_weights == {}
