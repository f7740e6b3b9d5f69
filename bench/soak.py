"""Whether the process keeps growing while conversations go on."""

import asyncio
import gc
import tempfile
from pathlib import Path
from typing import Any

from twintrack.app.assemble import App, open_app
from twintrack.core.context import Identity
from twintrack.core.settings import load_settings

DOCUMENTS = {
    "harbour.md": "# The harbour\n\nThe harbour of Lindwick was opened in 1907. Its lighthouse is 41 metres tall.\n",
    "library.md": "# The library\n\nThe library of Lindwick holds 12,500 books. It was founded by Otto Brandt.\n",
    "茶园.md": "# 茶园\n\n林镇的茶园位于青山脚下。茶园每年生产八百公斤绿茶。茶园的主人是王小梅。\n",
}
QUESTIONS = (
    "How tall is the lighthouse of the harbour?",
    "茶园的主人是谁?",
    "How many books does the library hold, and what is {number} * 3?",
    "My name is Zed{number}.",
    "When was the harbour opened?",
    "茶园每年生产多少绿茶?",
    "What is {number} + 1000?",
    "Who founded the library of Lindwick?",
)
_TENANT = "soak"


async def measure(people: int, turns: int, first: int) -> dict[str, Any]:
    """Return resident memory after each turn of all conversations, and its growth from turn `first` to the last."""
    settings = load_settings(tracing={"keep_local": 5}, cache={"enabled": False})
    async with open_app(settings) as app:
        await _ingest(app)
        resident, answered = [], 0
        for turn in range(turns):
            answers = await asyncio.gather(*(_ask(app, number, turn) for number in range(people)))
            answered += sum(answers)
            gc.collect()
            resident.append(_resident_mb())
        await _leave_nothing(app, people)
    return {
        "growth": round(resident[-1] / resident[first - 1] - 1, 4),
        "resident_mb": resident,
        "turns": turns * people,
        "answered": answered,
    }


async def _ask(app: App, number: int, turn: int) -> bool:
    question = QUESTIONS[(number + turn) % len(QUESTIONS)].format(number=1000 * (turn + 1) + number)
    answer = await app.ask(question, thread_id=f"soak-{number}", user_id=f"soak-{number}", tenant_id=_TENANT)
    return answer.status == "answered"


async def _ingest(app: App) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in DOCUMENTS.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        await app.corpus.ingest([Path(folder)], identity=Identity(_TENANT, "soak"))


async def _leave_nothing(app: App, people: int) -> None:
    saver: Any = app.graph.checkpointer
    for number in range(people):
        await app.memory.erase(f"soak-{number}", tenant_id=_TENANT)
        await saver.adelete_thread(f"soak-{number}")


def _resident_mb() -> float:
    status = Path("/proc/self/status").read_text("utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return round(int(line.split()[1]) / 1024, 1)
