"""A wrong setting names itself, its source and the fix."""

from pathlib import Path

import pytest

from twintrack.app.show_settings import rows
from twintrack.core.errors import SettingsError
from twintrack.core.settings import Settings, load_settings
from twintrack.core.settings_errors import variables


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def problem() -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return caught.value


def test_a_wrong_value_in_the_environment_names_itself_its_source_and_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINTRACK_RETRIEVAL__LIMIT", "many")
    error = problem()
    assert "TWINTRACK_RETRIEVAL__LIMIT='many' (from the environment)" in error.problem
    assert "Passages handed to the answer" in error.fix


def test_a_wrong_value_in_the_settings_file_names_the_file(empty_folder: Path) -> None:
    (empty_folder / "twintrack.yaml").write_text("budgets:\n  max_steps: 3\n")
    assert "TWINTRACK_BUDGETS__MAX_STEPS=3 (from twintrack.yaml)" in problem().problem


def test_a_wrong_value_in_dotenv_names_it(empty_folder: Path) -> None:
    (empty_folder / ".env").write_text("TWINTRACK_LOG_LEVEL=LOUD\n")
    assert "TWINTRACK_LOG_LEVEL='LOUD' (from .env)" in problem().problem


@pytest.mark.parametrize("text", ["redis: [", "- a\n- b\n", "just words", "redis: {url: 1, : }"])
def test_a_settings_file_that_is_no_settings_file_is_one_clear_error(empty_folder: Path, text: str) -> None:
    (empty_folder / "twintrack.yaml").write_text(text)
    assert "\n" not in str(problem())


def test_a_misspelt_variable_is_told_the_right_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINTRACK_REDIS__URI", "redis://x")
    assert "TWINTRACK_REDIS__URL" in problem().fix


def test_a_list_that_is_not_json_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINTRACK_TEAM__APPROVE", "calculator")
    assert "JSON" in problem().fix


def test_a_wrong_secret_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINTRACK_MODELS__API_KEY", '{"sk-proj-verysecret": 1}')
    monkeypatch.setenv("TWINTRACK_MODELS__TIMEOUT_S", "-1")
    assert "verysecret" not in str(problem())


def test_the_environment_wins_over_dotenv_and_dotenv_over_yaml(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_folder / "twintrack.yaml").write_text("retrieval:\n  limit: 1\n  candidates: 11\n")
    (empty_folder / ".env").write_text("TWINTRACK_RETRIEVAL__LIMIT=2\n")
    assert (load_settings().retrieval.limit, load_settings().retrieval.candidates) == (2, 11)
    monkeypatch.setenv("TWINTRACK_RETRIEVAL__LIMIT", "3")
    assert load_settings().retrieval.limit == 3


def test_every_setting_is_described_and_no_secret_is_shown() -> None:
    settings = load_settings(models={"api_key": "sk-verysecret"}, redis={"url": "redis://:hidden@x"})
    shown = rows(settings)
    assert all(meaning for _, _, meaning in shown)
    assert "verysecret" not in str(shown)
    assert "hidden" not in str(shown)
    assert {name for name, _, _ in shown} <= set(variables(Settings))
