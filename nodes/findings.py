"""Turn a sub-agent's conversation into a finding whose marks resolve to passages."""

import re
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AnyMessage, HumanMessage, ToolMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import merge_configs
from langgraph.runtime import get_runtime

from twintrack.core.context import Context
from twintrack.core.passages import Passage
from twintrack.nodes.answer import cited
from twintrack.nodes.research import Found
from twintrack.nodes.route import QUIET
from twintrack.nodes.state import Assignment
from twintrack.nodes.tools import mark

_MARK = re.compile(r"\[([0-9a-f]{6})\]")


class GraphAgent:
    """Any compiled graph with a `messages` channel, used as a sub-agent with a context of its own."""

    def __init__(self, graph: Runnable[Any, Any]) -> None:
        self._graph = graph

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Found:
        """Give the graph its task alone; return its last message, cited."""
        request = {"messages": [HumanMessage(task_text(assignment))]}
        context = get_runtime(Context).context
        state = await self._graph.ainvoke(request, merge_configs(config, QUIET), context=context)
        return finding(assignment["step"]["task"], state["messages"])


def task_text(assignment: Assignment) -> str:
    """Return the task with what the steps before it found."""
    known = "\n".join(f"- {result['task']}: {result['text']}" for result in assignment["inputs"])
    task = assignment["step"]["task"]
    return f"{task}\n\nAlready known:\n{known}" if known else task


def finding(task: str, messages: Sequence[AnyMessage]) -> Found:
    """Return the agent's last words; only what rests on a tool's result counts, and of a search only what is cited."""
    text = str(messages[-1].text) if messages else ""
    results = [message for message in messages if isinstance(message, ToolMessage) and message.status == "success"]
    if not any(isinstance(message.artifact, list) for message in results):
        return Found(text, answered=bool(results and text.strip()))
    passages = _passages(results)
    numbers = {mark(passage): place for place, passage in enumerate(passages, 1)}
    draft = cited(task, _MARK.sub(lambda found: f"[{numbers.get(found[1], 0)}]", text), passages)
    return Found(draft["text"], draft["citations"], draft["status"] == "answered")


def _passages(results: Sequence[ToolMessage]) -> list[Passage]:
    found: dict[str, Passage] = {}
    for message in results:
        if isinstance(message.artifact, list):
            found |= {passage["id"]: passage for passage in message.artifact}
    return list(found.values())
