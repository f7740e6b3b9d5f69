"""Runs `langgraph dev` on the project's own langgraph.json, in a folder of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

PROJECT = Path(__file__).parent.parent
OURS = {part: f"twintrack.app.server.{part}" for part in ("checkpointer", "store")}
"""The product's parts of the runtime."""
START_S = 120
STOP_S = 100
_OURS = ("TWINTRACK_", "LANGFUSE_", "LANGGRAPH_", "LANGSMITH_", "LANGCHAIN_")


class LanggraphDev:
    """A server process; its runtime's own files lie in `folder / ".langgraph_api"`."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.variables = variables
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        shutil.copy(PROJECT / "langgraph.json", folder)

    def serve(self, name: str, code: str, **paths: str) -> None:
        """Serve the graph of some code alone, as `name`, with these parts of the runtime instead of the project's."""
        (self.folder / f"{name}.py").write_text(code)
        parts = {part: {"path": path} for part, path in paths.items()}
        served = {"dependencies": ["."], "graphs": {name: f"./{name}.py:graph"}, **parts}
        (self.folder / "langgraph.json").write_text(json.dumps(served))

    @property
    def runtime_files(self) -> Path:
        return self.folder / ".langgraph_api"

    def start(self) -> None:
        program = str(Path(sys.executable).with_name("langgraph"))
        command = [program, "dev", "--no-browser", "--no-reload", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, env=_environment(self.variables), stdout=log, stderr=log
            )
        end = time.monotonic() + START_S
        while not self._answers():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        """Ask it to stop, as a terminal does; what it keeps is on disk afterwards."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def end(self) -> None:
        """End it, whatever state it is in."""
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/ok", timeout=2).is_success
        except httpx.HTTPError:
            return False


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    quiet = {"LANGGRAPH_CLI_NO_ANALYTICS": "1", "LANGSMITH_TRACING": "false", "NO_COLOR": "1"}
    return inherited | quiet | dict(variables)
