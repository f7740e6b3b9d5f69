"""Tells whether a corpus was read in for other settings than those in force, of which a search would find nothing."""

from dataclasses import dataclass
from typing import Any

from twintrack.core.passages_index import PassagesIndex, decoded


@dataclass(frozen=True, slots=True)
class Mismatch:
    """What was read in otherwise, and what to do."""

    problem: str
    fix: str
    partly: bool
    """Whether some passages can be found."""


async def mismatch(client: Any, index: PassagesIndex) -> Mismatch | None:
    """Compare the corpus's indexes in Redis with the one that is searched."""
    names = sorted(decoded(name) for name in await client.execute_command("FT._LIST"))
    sizes = {name: await _passages(client, name) for name in names if name.startswith(index.family)}
    here = sizes.pop(index.name, 0)
    elsewhere = ", ".join(f"{size} under {name}" for name, size in sizes.items() if size)
    if not elsewhere:
        return None
    if here:
        problem = f"Corpus {index.corpus} is partly read in otherwise: {elsewhere}; only the {here} under {index.name} are found."
        return Mismatch(
            problem, "ingest all of it again, then drop the rest: redis-cli FT.DROPINDEX NAME DD", partly=True
        )
    problem = f"Corpus {index.corpus} was read in for another embedder or index: {elsewhere}, none under {index.name}."
    fix = "set TWINTRACK_MODELS__EMBEDDER and TWINTRACK_RETRIEVAL__VECTOR_INDEX back, or ingest again"
    return Mismatch(problem, fix, partly=False)


async def _passages(client: Any, name: str) -> int:
    return int((await client.ft(name).info())["num_docs"])
