"""A wrong setting names itself, its source and the fix."""

from pathlib import Path

import pytest

from twintrack.app.show_settings import langfuse_rows, rows
from twintrack.core.errors import SettingsError
from twintrack.core.langfuse_variables import load_langfuse_variables
from twintrack.core.setting_sources import Sources
from twintrack.core.settings import GUARDS, SETTINGS_FILE, Settings, load_settings
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
    langfuse = load_langfuse_variables(secret_key="sk-verysecret")
    shown = [*rows(settings, Sources.read(SETTINGS_FILE)), *langfuse_rows(langfuse, Sources.read(SETTINGS_FILE))]
    assert all(row.meaning for row in shown)
    assert "verysecret" not in str(shown)
    assert "hidden" not in str(shown)
    assert {row.name for row in shown if row.name.startswith("TWINTRACK_")} <= set(variables(Settings))


def test_each_setting_tells_where_it_was_read(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (empty_folder / "twintrack.yaml").write_text("redis:\n  timeout_s: 3\nteam: {approve: [calculator]}\n")
    (empty_folder / ".env").write_text("TWINTRACK_RETRIEVAL__LIMIT=2\nLANGFUSE_PUBLIC_KEY=pk\n")
    monkeypatch.setenv("TWINTRACK_CACHE", '{"enabled": true}')
    monkeypatch.setenv("LANGFUSE_HOST", "http://x")
    sources = Sources.read(SETTINGS_FILE)
    shown = [*rows(load_settings(), sources), *langfuse_rows(load_langfuse_variables(), sources)]
    found = {row.name: row.source for row in shown if row.source != "a default"}
    assert found.pop("TWINTRACK_CACHE__ENABLED") == "the environment"
    assert {name: source for name, source in found.items() if not name.startswith("TWINTRACK_CACHE__")} == {
        "TWINTRACK_REDIS__TIMEOUT_S": "twintrack.yaml",
        "TWINTRACK_TEAM__APPROVE": "twintrack.yaml",
        "TWINTRACK_RETRIEVAL__LIMIT": ".env",
        "LANGFUSE_PUBLIC_KEY": ".env",
        "LANGFUSE_BASE_URL": "the environment",
    }


def test_a_wrong_variable_of_langfuse_names_itself_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGFUSE_SAMPLE_RATE", "7")
    with pytest.raises(
        SettingsError, match=r"LANGFUSE_SAMPLE_RATE='7': .* Fix: correct LANGFUSE_SAMPLE_RATE"
    ) as caught:
        load_langfuse_variables()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", ["environment", ".env"])
def test_a_variable_left_empty_sets_nothing(empty_folder: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    (empty_folder / "twintrack.yaml").write_text("budgets:\n  max_steps: 77\n")
    empty = {name: "" for name in sorted(variables(Settings)) if name not in GUARDS}
    if place == ".env":
        (empty_folder / ".env").write_text("".join(f"{name}=\n" for name in empty))
    else:
        for name in empty:
            monkeypatch.setenv(name, "")
    settings = load_settings()
    assert settings.budgets.max_steps == 77
    assert settings.model_dump(exclude={"budgets"}) == Settings.model_construct().model_dump(exclude={"budgets"})
    assert (settings.redis.url, settings.models.answerer) == (None, "")
    assert Sources.read(Path("twintrack.yaml")).of(["TWINTRACK_REDIS__URL"], ["redis", "url"]) == "a default"


@pytest.mark.parametrize("name", sorted(GUARDS))
def test_a_lock_left_empty_is_refused_rather_than_left_open(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "")
    with pytest.raises(SettingsError, match=rf"{name} is empty\. Fix: give it its value, or remove it"):
        load_settings()
