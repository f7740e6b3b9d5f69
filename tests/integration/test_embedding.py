"""The ways of use that docs/embedding.md shows, run as they stand there."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph.checkpoint.memory import InMemorySaver

from tests.commands import environment
from twintrack import Context, open_app
from twintrack.core.context import Identity
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import Settings, load_settings

PROJECT = Path(__file__).parent.parent.parent
QUESTION = "How long may a library book be borrowed?"
OPTIONAL = ("twintrack.bench", "twintrack.evals", "twintrack.app.auth", "twintrack.app.http", "twintrack.app.server")
"""What only the extras and the server bring to life."""
UV = Path(sys.executable).with_name("uv")
THE_APPLICATIONS_OWN = ("fastapi", "uvicorn")
BUILD = "from setuptools import build_meta; build_meta.build_wheel('out')"
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "out", "tests", "docs", "*.lock")


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return load_settings(redis={"url": redis_url}, tracing={"keep_local": 0})


@pytest.fixture
async def documents(source: RedisSource, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "loans.md").write_text("# Loans\n\nA library book may be borrowed for twenty-one days.")
    async with open_app(settings) as app:
        await app.corpus.ingest([tmp_path], identity=Identity("default", "ann"))


@pytest.mark.usefixtures("documents")
async def test_the_plain_graph_runs_on_another_checkpointer(settings: Settings) -> None:
    saver = InMemorySaver()
    async with open_app(settings, checkpointer=saver) as app:
        config: Any = {"configurable": {"thread_id": "t1"}}
        for question in (QUESTION, "And a film?"):
            state = await app.graph.ainvoke({"messages": [("user", question)]}, config, context=Context(user_id="ann"))
        found = [message.content for message in state["messages"] if message.type == "human"]
        assert found == [QUESTION, "And a film?"]
        history = [snapshot async for snapshot in app.graph.aget_state_history(config)]
    kept = list(saver.list({"configurable": {"thread_id": "t1", "checkpoint_ns": ""}}))
    assert [entry.config["configurable"]["checkpoint_id"] for entry in kept] == [
        snapshot.config["configurable"]["checkpoint_id"] for snapshot in history
    ]


@pytest.mark.usefixtures("documents")
async def test_the_app_asks_on_another_checkpointer(settings: Settings) -> None:
    async with open_app(settings, checkpointer=InMemorySaver()) as app:
        first = await app.ask(QUESTION, user_id="ann")
        again = await app.ask(QUESTION, user_id="ann", thread_id=first.thread_id)
    assert "twenty-one days" in first.text
    assert again.version != first.version


@pytest.mark.usefixtures("documents")
def test_the_documented_graph_runs_as_it_is_pasted(redis_url: str, tmp_path: Path) -> None:
    (tmp_path / "pasted.py").write_text(_shown("python")[1])
    command, variables = [sys.executable, "pasted.py"], environment(redis_url, {})
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "twenty-one days" in done.stdout


def test_each_way_is_shown_in_under_ten_lines_with_all_its_imports() -> None:
    blocks = _shown("json") + _shown("python")
    assert len(blocks) == 3
    for block in blocks:
        assert len([line for line in block.splitlines() if line.strip()]) < 10


def test_the_documented_server_is_the_projects_own() -> None:  # as it stands it is served in test_server_input
    shown, own = json.loads(_shown("json")[0]), json.loads((PROJECT / "langgraph.json").read_text())
    assert shown["graphs"]["twintrack"] == own["graphs"]["twintrack"]["path"]
    for name in ("checkpointer", "store", "auth"):
        assert shown[name] == own[name]
    assert shown["http"].items() <= own["http"].items()


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an application that has `graphs` and `memory` of its own, and the wheel installed."""
    folder = tmp_path_factory.mktemp("foreign")
    for name in ("graphs", "memory"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(f"OWN = {name!r}\n")
    extra = "\nimport graphs, memory, twintrack\nfound = [graphs.OWN, memory.OWN, twintrack.__file__]\napi.get('/own')(lambda: found)\n"
    (folder / "main.py").write_text(_shown("python")[0] + extra)
    _install(_wheel(folder / "source"), folder / "venv")
    return folder


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("documents")
async def test_an_application_with_folders_of_the_same_names_embeds_the_wheel(foreign: Path, redis_url: str) -> None:
    for url in _serving(foreign, redis_url):
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            answer = (await client.get("/ask", params={"question": QUESTION, "user": "ann"})).json()
            own = (await client.get("/own")).json()
    assert answer["status"] == "answered"
    assert "twenty-one days" in answer["text"]
    assert answer["citations"][0]["source"].endswith("loans.md")
    assert own[:2] == ["graphs", "memory"]
    assert own[2].startswith(str(foreign / "venv"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_each_module_of_the_wheel_imports_with_what_the_wheel_needs(foreign: Path) -> None:
    code = "import pkgutil, importlib, twintrack\nfor one in pkgutil.walk_packages(twintrack.__path__, 'twintrack.'):\n    if not one.name.startswith(OPTIONAL): importlib.import_module(one.name)"
    done = subprocess.run(
        [foreign / "venv/bin/python", "-c", f"OPTIONAL = {OPTIONAL}\n{code}"],
        cwd=foreign,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def _shown(language: str) -> list[str]:
    text = (PROJECT / "docs/embedding.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def _wheel(source: Path) -> Path:
    shutil.copytree(PROJECT, source, symlinks=True, ignore=LEFT_OUT)
    (source / "out").mkdir()
    subprocess.run([sys.executable, "-c", BUILD], cwd=source, check=True, capture_output=True)
    return next((source / "out").glob("*.whl"))


def _install(wheel: Path, venv: Path) -> None:
    """Install the wheel where nothing else is, with what it says it needs, in the versions that are locked."""
    locked = wheel.with_name("locked.txt")
    exported = ("export", "--project", PROJECT, "--frozen", "--no-emit-project", "--no-hashes", "--output-file", locked)
    _uv(*exported)
    _uv("venv", "--python", sys.executable, venv)
    _uv("pip", "install", "--python", venv / "bin/python", "--constraints", locked, wheel, *THE_APPLICATIONS_OWN)


def _uv(*words: str | Path) -> None:
    done = subprocess.run([UV, "--quiet", "--no-config", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _serving(folder: Path, redis_url: str) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(folder / "venv/bin/python"), "-m", "uvicorn", "main:api", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        variables = os.environ | {"TWINTRACK_REDIS__URL": redis_url}
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                httpx.get(f"{url}/own", timeout=2)
                break
            except httpx.HTTPError:
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(30)
    assert "Traceback" not in (folder / "log").read_text()
