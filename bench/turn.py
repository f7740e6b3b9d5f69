"""What one turn costs in CPU, beside a bare LangGraph graph of the same shape that does nothing."""

import gc
import statistics
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from numpy.typing import NDArray

from twintrack.app.assemble import App, open_app
from twintrack.app.long_lived import loaded_set_aside
from twintrack.app.testing import ScriptedChatModel
from twintrack.bench.bare_graph import bare_graph
from twintrack.core.context import Context, Identity
from twintrack.core.embeddings import Embedder, open_embedder
from twintrack.core.settings import load_settings

QUESTION = "What is kept on Redis?"
DOCUMENT = "Checkpoints, memories and the corpus are kept on Redis. Traces go to Langfuse. A turn is one question.\n"
EPISODE = f"{QUESTION}\nCheckpoints are kept on Redis. [1]"
WARM_UP = 5
_WHO = Identity("bench", "bench")
Turn = Callable[[], Awaitable[Any]]


async def measure(turns: int, rounds: int) -> dict[str, Any]:
    """Return CPU milliseconds per turn of both, their ratio and what the difference is made of."""
    embedder = RememberingEmbedder(open_embedder(load_settings().models))
    settings = load_settings(cache={"enabled": False})
    async with open_app(settings, models={"answerer": _model()}, embedder=embedder) as app:
        await _ingest(app)
        sides = {"ours": _ours(app), "bare": _bare()}
        for turn in sides.values():
            await _cpu(turn, WARM_UP)
        spent: dict[str, list[float]] = {name: [] for name in sides}
        with loaded_set_aside():  # as the server does once it has started
            for _ in range(rounds):
                for name, turn in sides.items():
                    spent[name].append(await _cpu(turn, turns))
        encoder = await _cpu(lambda: embedder.inner.embed([EPISODE]), turns)
        await _erase(app)
    ours, bare = (statistics.median(spent[name]) for name in ("ours", "bare"))
    return {
        "overhead_ms": round(ours - bare, 3),
        "bare_ms": round(bare, 3),
        "ours_ms": round(ours, 3),
        "ratio": round(ours / bare, 2),
        "encoder_ms": round(encoder, 3),
        "ratio_with_encoder": round((ours + encoder) / bare, 2),
        "rounds": {name: [round(value, 3) for value in values] for name, values in spent.items()},
    }


class RememberingEmbedder:
    """The encoder as a model that costs nothing: each text is encoded once, what that costs is told apart."""

    def __init__(self, inner: Embedder) -> None:
        self.inner = inner
        self._known: dict[str, NDArray[np.float32]] = {}

    @property
    def name(self) -> str:
        """Return the encoder's name."""
        return self.inner.name

    @property
    def dims(self) -> int:
        """Return the length of a vector."""
        return self.inner.dims

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row per text."""
        return np.stack([await self.embed_one(text) for text in texts])

    async def embed_one(self, text: str) -> NDArray[np.float32]:
        """Return the vector of one text."""
        if text not in self._known:
            self._known[text] = await self.inner.embed_one(text)
        return self._known[text]


def _model() -> ScriptedChatModel:
    return ScriptedChatModel(script=lambda _: AIMessage("Checkpoints are kept on Redis. [1]"))


async def _cpu(turn: Turn, turns: int) -> float:
    gc.collect()
    started = time.process_time()
    for _ in range(turns):
        await turn()
    return (time.process_time() - started) * 1000 / turns


async def _ingest(app: App) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.md"
        path.write_text(DOCUMENT * 3, encoding="utf-8")
        await app.corpus.ingest([path], identity=_WHO)


async def _erase(app: App) -> None:
    """Leave nothing of the measurement behind in the reader's Redis."""
    await app.versions.erase(_WHO)
    await app.memory.erase(_WHO)
    await app.corpus.clear(identity=_WHO)
    await app.parts.tracer.aclose()
    if app.parts.tracer.store:
        await app.parts.tracer.store.erase(_WHO)


def _ours(app: App) -> Turn:
    async def turn() -> None:
        await app.ask(QUESTION, thread_id=uuid.uuid4().hex, user_id="bench", tenant_id="bench")

    return turn


def _bare() -> Turn:
    graph = bare_graph(_model()).compile(checkpointer=InMemorySaver())
    context = Context(tenant_id="bench", user_id="bench")

    async def turn() -> None:
        config: Any = {"configurable": {"thread_id": uuid.uuid4().hex}}
        await graph.ainvoke({"messages": [HumanMessage(QUESTION)]}, config, context=context)

    return turn
