"""Gives the benches a Postgres of their own: one started for the run, or a schema of one that is there."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from twintrack.core.errors import SettingsError

START_S = 30.0


class NoPostgres(Exception):
    """There is no Postgres to measure."""


@asynccontextmanager
async def opened_saver(url: str | None) -> AsyncIterator[Any]:
    """Yield LangGraph's Postgres saver in a schema of its own, dropped afterwards.

    Raises:
        ImportError: the saver or its driver is not installed.
        NoPostgres: with the reason, where there is no server.
    """
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg import AsyncConnection, OperationalError, sql
    from psycopg.conninfo import make_conninfo

    with _server(url) as address:
        schema = sql.Identifier(name := f"twintrack_bench_{uuid4().hex}")
        try:
            connection = await AsyncConnection.connect(address, autocommit=True)
        except OperationalError as error:
            raise SettingsError(f"Postgres cannot be reached: {error}", fix="check the URL of --postgres") from error
        async with connection:
            await connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
            try:
                own = make_conninfo(address, options=f"-csearch_path={name}")
                async with AsyncPostgresSaver.from_conn_string(own) as saver:
                    await saver.setup()
                    yield saver
            finally:
                await connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(schema))


@contextmanager
def _server(url: str | None) -> Iterator[str]:
    """Yield the address of the server; one that is started here keeps Postgres's own defaults, fsync among them."""
    if url:
        yield url
        return
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="twintrack-postgres-") as folder:
        user = _user(folder)
        data = f"{folder}/data"
        # No thread here: whoever presses Ctrl-C stops the run after this, with nothing half started.
        initialised = [programs["initdb"], "-D", data, "-A", "trust", "-U", "bench", "-E", "UTF8"]
        _start(initialised, folder, user).wait()
        server = _start([programs["postgres"], "-D", data, "-k", folder, "-c", "listen_addresses="], folder, user)
        try:
            _wait(Path(data) / "postmaster.pid", server)
            yield f"host={folder} user=bench dbname=postgres"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(START_S)


def _start(command: list[str], folder: str, user: str | None) -> subprocess.Popen[bytes]:
    """Start a program that a Ctrl-C at the terminal does not reach."""
    quiet = subprocess.DEVNULL
    return subprocess.Popen(  # noqa: S603 - the program comes from the machine's own PATH
        command, stdin=quiet, stdout=quiet, stderr=quiet, cwd=folder, user=user, start_new_session=True
    )


def _programs() -> dict[str, str]:
    # Debian keeps them off the PATH.
    places = [os.environ.get("PATH", ""), *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))]
    found = {name: shutil.which(name, path=os.pathsep.join(places)) for name in ("initdb", "postgres")}
    if missing := [name for name, path in found.items() if path is None]:
        raise NoPostgres(f"{' and '.join(missing)} not found; give --postgres a URL")
    return {name: path for name, path in found.items() if path}


def _user(folder: str) -> str | None:
    """Return who runs the server: Postgres refuses to be run by root."""
    if os.geteuid():
        return None
    name = next((name for name in ("postgres", "nobody") if _exists(name)), None)
    if name is None:
        raise NoPostgres("root may not run one; give --postgres a URL")
    shutil.chown(folder, name)
    return name


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _wait(state: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while not (state.exists() and "ready" in state.read_text()):
        if server.poll() is not None or time.monotonic() > deadline:
            raise NoPostgres("the server on this machine does not start; give --postgres a URL")
        time.sleep(0.01)
