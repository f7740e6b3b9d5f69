"""Settings, rules and hooks that are there to be copied can be used as they stand."""

import re
from pathlib import Path

import pytest
import yaml

from twintrack.core.settings import Settings, load_settings
from twintrack.core.settings_errors import variables
from twintrack.guardrails.argument_rules import ArgumentRule
from twintrack.guardrails.tools import ToolAnnotations

ROOT = Path(__file__).parents[2]


def shown(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", ["operations.md", "tools.md"])
def test_the_settings_file_of_a_page_is_read(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = shown(page, "yaml")
    (tmp_path / "twintrack.yaml").write_text(block, encoding="utf-8")
    assert load_settings() != Settings.model_construct()


def test_the_rule_of_a_tool_is_one() -> None:
    (block,) = shown("tools.md", "python")
    names = {"ToolAnnotations": ToolAnnotations, "ArgumentRule": ArgumentRule}
    assert eval(block.strip(), names).asked_by  # the page is ours


def test_each_variable_of_the_example_env_is_one_and_its_value_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    given = [line.removeprefix("# ") for line in lines if re.match(r"# [A-Z_]+=", line)]
    ours = {line.partition("=")[0] for line in given if line.startswith("TWINTRACK_")}
    assert ours <= set(variables(Settings))
    (tmp_path / ".env").write_text("\n".join(line for line in given if not line.endswith("KEY=")))
    settings = load_settings()
    assert settings.team.approve == ("calculator",)
    assert settings.server.documents is None  # left empty there


def test_the_hooks_run_what_make_installs() -> None:
    file = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [each["repo"] for each in file["repos"]] == ["local"]
    programs = [hook["entry"].split()[0] for each in file["repos"] for hook in each["hooks"]]
    assert programs == [f".venv/bin/{name}" for name in ("ruff", "ruff", "mypy", "lint-imports")]
