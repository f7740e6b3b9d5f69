"""Turn LangGraph's stream into the few events a screen needs."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.messages import AIMessageChunk

from twintrack.app.answer import Answer


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
        elif mode == "tasks" and "result" in data and not data["interrupts"]:
            yield _step(namespace, data)


def _token(message: Any, metadata: dict[str, Any]) -> str:
    """Return what the answering step says while it writes, or the judging one after it; nothing else streams words."""
    is_answer = isinstance(message, AIMessageChunk) and metadata.get("langgraph_node") in ("answer", "verify")
    return str(message.text) if is_answer else ""


def _step(namespace: tuple[str, ...], task: dict[str, Any]) -> StreamEvent:
    track = namespace[0].split(":")[0] + "/" if namespace else ""
    return StreamEvent("step", step=f"{track}{task['name']}", detail=_detail(task["result"]))


def _detail(update: Any) -> str:
    """Return the one thing worth saying of a step, on one line each where there are several."""
    if not isinstance(update, dict):
        return ""
    return next((said for name, say in _TOLD.items() if (said := say(update.get(name)))), "")


def _passages(found: Any) -> str:
    titles = list(dict.fromkeys(passage["title"] for passage in found or ()))
    return f"{_count(len(found), 'passage')} in {', '.join(titles[:3])}" if titles else ""


def _recalled(found: Any) -> str:
    facts, episodes = ((found or {}).get(tier, ()) for tier in ("facts", "episodes"))
    told = [_count(len(tier), name) for tier, name in ((facts, "fact"), (episodes, "earlier turn")) if tier]
    return ", ".join([*told, "summary"] if found and found.get("summary") else told)


def _effort(result: Any) -> str:
    return "known from before" if result.get("again") else f"{result['seconds']:.2f} s"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


_TOLD: dict[str, Callable[[Any], str]] = {
    "decision": lambda decision: f"{decision['route']} ({decision['reason']})" if decision else "",
    "cache": lambda did: f"from the answer cache ({did})" if did in ("exact", "similar") else "",
    "recalled": _recalled,
    "evidence": lambda share: f"they hold {share:.0%} of the question" if share else "",
    "passages": _passages,
    "plan": lambda plan: "\n".join(f"{step['agent']}: {step['task']}" for step in plan or ()),
    "results": lambda done: "\n".join(f"{one['agent']} {one['status']}, {_effort(one)}" for one in done or ()),
    "degraded": lambda reason: reason or "",
    "draft": lambda draft: _count(len(draft["citations"]), "citation") if draft and draft["citations"] else "",
}
"""What is said of a field that a step set; the first one that says something is taken."""
