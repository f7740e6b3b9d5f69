"""Holds the user's tables where SQL may only read them: no files, no network, little memory and time."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twintrack.core.errors import InputError, SettingsError, Unavailable

ROWS = 50
SECONDS = 10.0
MEMORY_MB = 512
_CELL_CHARS = 200


@dataclass(frozen=True, slots=True)
class Table:
    """What may be said of one table."""

    name: str
    columns: tuple[tuple[str, str], ...]
    """Name and type of each column."""

    @property
    def described(self) -> str:
        """Return the table as a line of a prompt."""
        return f"{self.name}({', '.join(f'{name} {kind}' for name, kind in self.columns)})"


class Tables:
    """The tables of some CSV and Parquet files, read in once and closed off from everything else."""

    def __init__(self, files: Sequence[Path], *, seconds: float = SECONDS, memory_mb: int = MEMORY_MB) -> None:
        self._seconds = seconds
        self._base = _opened(memory_mb)
        self.tables = tuple(self._read(path) for path in files)
        # From here on nothing can be opened or reached, and no statement can change that.
        self._base.execute("SET enable_external_access=false")
        self._base.execute("SET lock_configuration=true")

    async def query(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Return the columns and at most `ROWS` + 1 rows.

        Raises:
            InputError: the statement is no single SELECT, or is wrong.
            Unavailable: it needs too much time or memory.
        """
        cursor = self._base.cursor()
        work = asyncio.create_task(asyncio.to_thread(_fetched, cursor, sql))
        try:
            return await asyncio.wait_for(asyncio.shield(work), self._seconds)
        except TimeoutError as error:
            cursor.interrupt()
            raise Unavailable("The query takes too long.", fix="Ask for less.") from error
        finally:
            if not work.done():
                cursor.interrupt()
                work.add_done_callback(lambda done: done.cancelled() or done.exception())

    def close(self) -> None:
        """Let the tables go."""
        self._base.close()

    def _read(self, path: Path) -> Table:
        import duckdb

        name = re.sub(r"\W+", "_", path.stem).strip("_") or "table"
        read = "read_parquet" if path.suffix.lower() in (".parquet", ".pq") else "read_csv_auto"
        try:
            self._base.execute(f"CREATE TABLE {quoted(name)} AS SELECT * FROM {read}(?)", [str(path)])  # noqa: S608
        except duckdb.Error as error:
            raise SettingsError(
                f"{path} cannot be read as a table.", fix="name CSV or Parquet files in TWINTRACK_TEAM__TABLES"
            ) from error
        found = self._base.execute(f"DESCRIBE {quoted(name)}").fetchall()
        return Table(name, tuple((str(row[0]), str(row[1])) for row in found))


def quoted(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def shown(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    """Return rows as lines for a model."""
    lines = [" | ".join(columns), *(" | ".join(str(cell)[:_CELL_CHARS] for cell in row) for row in rows[:ROWS])]
    return "\n".join([*lines, *(["(more rows are not shown)"] if len(rows) > ROWS else [])])


def _opened(memory_mb: int) -> Any:
    try:
        import duckdb
    except ImportError as error:
        raise SettingsError("Tables need duckdb.", fix='pip install "twintrack[analyst]"') from error
    # Extensions would be fetched from the network.
    return duckdb.connect(
        ":memory:",
        config={
            "memory_limit": f"{memory_mb}MB",
            "threads": 1,
            "temp_directory": "",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )


def _fetched(cursor: Any, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    import duckdb

    try:
        statements = cursor.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise InputError("Only a single SELECT is allowed.", fix="Ask with one SELECT.")
        cursor.execute(statements[0])
        return [str(one[0]) for one in cursor.description], cursor.fetchmany(ROWS + 1)
    except (duckdb.OutOfMemoryException, duckdb.InterruptException) as error:
        raise Unavailable("The query needs too much.", fix="Ask for less.") from error
    except duckdb.Error as error:
        raise InputError(f"The query is wrong: {str(error)[:300]}", fix="Correct the SQL.") from error
