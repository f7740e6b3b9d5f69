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
from twintrack.nodes.claims import agree, claims, numbers
from twintrack.nodes.prompts import task_prompt
from twintrack.nodes.research import Found
from twintrack.nodes.state import Assignment
from twintrack.nodes.structured import QUIET
from twintrack.nodes.tools import mark

NO_ANSWER = "NO ANSWER"
"""What an agent is told to say when it found nothing."""
_MARK = re.compile(r"\[([0-9a-f]{6})\]")


class GraphAgent:
    """Any compiled graph with a `messages` channel, used as a sub-agent with a context of its own."""

    def __init__(self, graph: Runnable[Any, Any], *, computes: bool = False) -> None:
        self._graph = graph
        self._computes = computes

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Found:
        """Give the graph its task alone; return its last message, cited."""
        request = {"messages": [HumanMessage(task_prompt(assignment))]}
        context = get_runtime(Context).context
        state = await self._graph.ainvoke(request, merge_configs(config, QUIET), context=context)
        return finding(assignment["step"]["task"], state["messages"], computes=self._computes)


def finding(task: str, messages: Sequence[AnyMessage], *, computes: bool = False) -> Found:
    """Return what the agent's last words prove: sentences it cites, or else the results it computed."""
    text = str(messages[-1].text) if messages else ""
    if NO_ANSWER in text:
        return Found("", answered=False)
    results = [message for message in messages if isinstance(message, ToolMessage) and message.status == "success"]
    searched = [message for message in results if isinstance(message.artifact, list)]
    if not searched:
        return _computed(text, results) if computes else Found("", answered=False)
    passages = _passages(searched)
    places = {mark(passage): place for place, passage in enumerate(passages, 1)}
    draft = cited(task, _MARK.sub(lambda found: f"[{places.get(found[1], 0)}]", text), passages)
    return Found(draft["text"], draft["citations"], draft["status"] == "answered")


def _computed(text: str, results: Sequence[ToolMessage]) -> Found:
    """Keep the sentences that state what a tool gave back."""
    given = [str(message.text).strip() for message in results]
    values = {value for one in given for value in numbers(one)}
    kept = [
        sentence
        for sentence in claims(text)
        if any(agree(stated, values) for stated in numbers(sentence)) or any(one and one in sentence for one in given)
    ]
    return Found(" ".join(kept), answered=bool(kept))


def _passages(results: Sequence[ToolMessage]) -> list[Passage]:
    found: dict[str, Passage] = {}
    for message in results:
        if isinstance(message.artifact, list):
            found |= {passage["id"]: passage for passage in message.artifact}
    return list(found.values())
