"""What others may rely on: the names, the layout and the sizes."""

import ast
from pathlib import Path

import pytest

import twintrack

ROOT = Path(__file__).parents[2]
FOLDERS = ("app", "bench", "core", "evals", "graphs", "guardrails", "memory", "nodes")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).glob("*.py"))


def test_the_public_names_are_these_and_all_of_them_exist() -> None:
    names = ["Answer", "App", "Context", "Settings", "TwintrackError", "lifespan", "open_app"]
    assert sorted(twintrack.__all__) == names
    assert all(getattr(twintrack, name) is not None for name in twintrack.__all__)
    with pytest.raises(AttributeError):
        _ = twintrack.nothing


def test_the_package_is_links_to_the_root_folders_and_nothing_else() -> None:
    package = ROOT / "src" / "twintrack"
    found = {path.name for path in package.iterdir() if path.name != "__pycache__"}
    assert found == {*FOLDERS, "__init__.py", "py.typed"}
    assert all((package / name).is_symlink() and (package / name).resolve() == ROOT / name for name in FOLDERS)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_files_and_functions_stay_short_enough_to_read(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or node.lineno) - node.lineno < 60, node.name


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_says_what_it_is_for(folder: str) -> None:
    assert ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text(encoding="utf-8")))


@pytest.mark.parametrize("folder", ["graphs", "guardrails", "memory", "nodes"])
def test_settings_and_the_environment_are_read_in_app_and_core_alone(folder: str) -> None:
    for path in (ROOT / folder).glob("*.py"):
        names = {
            node.id for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Name)
        }
        assert not names & {"load_settings", "load_langfuse_variables", "environ", "getenv"}, path
        assert "os.environ" not in path.read_text(encoding="utf-8"), path
