"""Turn LangGraph's stream into the few events a screen needs."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.messages import AIMessageChunk

from twintrack.app.answer import Answer

_WRITERS = {"answer", "compose"}
"""Steps whose tokens are the answer's own words."""


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """Something that happened during a turn."""

    kind: Literal["step", "token", "answer"]
    step: str = ""
    """Which step finished, as `team/agent` inside a track."""
    detail: str = ""
    token: str = ""
    answer: Answer | None = None


async def events_of(run: AsyncIterator[Any], final: dict[str, Any]) -> AsyncIterator[StreamEvent]:
    """Yield steps and tokens; leave the last root state in `final`."""
    async for namespace, mode, data in run:
        if mode == "values" and not namespace:
            final.update(data)
        elif mode == "messages" and (token := _token(*data)):
            yield StreamEvent("token", token=token)
        elif mode == "updates":
            for event in _steps(namespace, data):
                yield event


def _token(message: Any, metadata: dict[str, Any]) -> str:
    is_answer = isinstance(message, AIMessageChunk) and metadata.get("langgraph_node") in _WRITERS
    return str(message.text) if is_answer else ""


def _steps(namespace: tuple[str, ...], data: dict[str, Any]) -> list[StreamEvent]:
    track = namespace[0].split(":")[0] + "/" if namespace else ""
    return [
        StreamEvent("step", step=f"{track}{name}", detail=_detail(update or {}))
        for name, update in data.items()
        if not name.startswith("__")
    ]


def _detail(update: Any) -> str:
    """Return the one thing worth saying of a step."""
    if not isinstance(update, dict):
        return ""
    if decision := update.get("decision"):
        return f"{decision['route']}: {decision['reason']}"
    if "evidence" in update:
        return f"evidence {update['evidence']:.2f}"
    if passages := update.get("passages"):
        return f"{len(passages)} passages"
    if plan := update.get("plan"):
        return "; ".join(f"{step['agent']}: {step['task']}" for step in plan)
    return "; ".join(f"{result['agent']} {result['status']}" for result in update.get("results", []))
