"""Turn a sub-agent's conversation into a finding whose marks resolve to passages."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import merge_configs
from langgraph.runtime import get_runtime

from twintrack.core.context import Context
from twintrack.core.passages import Passage
from twintrack.guardrails.provenance import HOSTILE, USER_WORDS
from twintrack.guardrails.tool_gate import LABEL
from twintrack.nodes.answer import cited
from twintrack.nodes.claims import agree, claims, numbers
from twintrack.nodes.hand_over import HAND_OVER
from twintrack.nodes.prompts import task_prompt
from twintrack.nodes.state import Assignment, HandOver, Line
from twintrack.nodes.structured import QUIET
from twintrack.nodes.tools import mark
from twintrack.nodes.work import Finding

NO_ANSWER = "NO ANSWER"
"""What an agent is told to say when it found nothing."""
TRANSCRIPT_CHARS = 2_000
"""Characters of an agent's conversation that its result keeps."""
CUT_SHORT = "cut_short"
"""Set on a message that an agent wrote, or got, because it had no more calls."""
_MARK = re.compile(r"\[([0-9a-f]{6})\]")


class GraphAgent:
    """Any compiled graph with a `messages` channel, used as a sub-agent with a context of its own."""

    def __init__(self, graph: Runnable[Any, Any], *, computes: bool = False) -> None:
        self._graph = graph
        self._computes = computes

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        """Give the graph its task alone; return its last message, cited."""
        # The task may repeat what earlier steps read, so the gate must know which words are the user's.
        said = {USER_WORDS: assignment["question"]}
        request = {"messages": [HumanMessage(task_prompt(assignment), additional_kwargs=said)]}
        context = get_runtime(Context).context
        state = await self._graph.ainvoke(request, merge_configs(config, QUIET), context=context)
        messages = state["messages"]
        found = _labelled(finding(assignment["step"]["task"], messages, computes=self._computes), messages)
        return replace(
            found,
            whole=_whole(messages),
            tokens=_tokens(messages),
            messages=len(messages),
            transcript=transcript(messages),
        )


def finding(task: str, messages: Sequence[AnyMessage], *, computes: bool = False) -> Finding:
    """Return what the agent's last words prove: sentences it cites, or else the results it computed."""
    if messages and (onward := handed_over(messages[-1])):
        said = [message for message in messages if not handed_over(message)]
        words = next((one.text for one in reversed(messages) if isinstance(one, AIMessage)), "")
        return replace(finding(task, [*said, AIMessage(str(words))], computes=computes), hand_over=onward)
    text = str(messages[-1].text) if messages else ""
    if NO_ANSWER in text:
        return Finding("", answered=False)
    results = [message for message in messages if isinstance(message, ToolMessage) and message.status == "success"]
    searched = [message for message in results if isinstance(message.artifact, list)]
    if not searched:
        return _computed(text, results) if computes else Finding("", answered=False)
    passages = _passages(searched)
    places = {mark(passage): place for place, passage in enumerate(passages, 1)}
    draft = cited(task, _MARK.sub(lambda found: f"[{places.get(found[1], 0)}]", text), passages)
    return Finding(draft["text"], draft["citations"], draft["status"] == "answered")


def _whole(messages: Sequence[AnyMessage]) -> bool:
    """Tell whether no call of the agent failed, was refused or gave orders, and it stopped by itself."""
    results = [message for message in messages if isinstance(message, ToolMessage)]
    sound = all(one.status == "success" and HOSTILE not in one.additional_kwargs for one in results)
    return sound and not any(CUT_SHORT in message.additional_kwargs for message in messages)


def _labelled(found: Finding, messages: Sequence[AnyMessage]) -> Finding:
    """Return what was found with what the answer must say of its calls: what was not made, and what limit it met."""
    labels = [(CUT_SHORT in one.additional_kwargs, one.additional_kwargs.get(LABEL)) for one in messages]
    missed, cut = ([str(label) for by_limit, label in labels if label and by_limit is kind] for kind in (False, True))
    lacks = [found.lacks, *dict.fromkeys(missed)]
    return replace(found, lacks="; ".join(filter(None, lacks)), degraded="; ".join(dict.fromkeys(cut)))


def handed_over(message: AnyMessage) -> HandOver | None:
    """Return what a hand-over's own message says, or None."""
    if not isinstance(message, ToolMessage) or message.name != HAND_OVER or not isinstance(message.artifact, dict):
        return None
    return HandOver(to=str(message.artifact["to"]), task=str(message.artifact["task"]))


def transcript(messages: Sequence[AnyMessage]) -> list[Line]:
    """Return the end of a conversation that fits into a checkpoint, newest words kept."""
    lines: list[Line] = []
    left = TRANSCRIPT_CHARS
    for message in reversed(messages):
        said = _said(message)
        if left <= 0:
            break
        lines.append(Line(role=message.type, text=said if len(said) <= left else f"{said[:left]} … (cut)"))
        left -= len(said)
    return lines[::-1]


def _said(message: AnyMessage) -> str:
    calls = [
        f"{call['name']}({json.dumps(call['args'], ensure_ascii=False)})" for call in getattr(message, "tool_calls", [])
    ]
    return "\n".join(part for part in (str(message.text), *calls) if part)


def _tokens(messages: Sequence[AnyMessage]) -> int:
    spent = (message.usage_metadata for message in messages if isinstance(message, AIMessage))
    return sum(usage["total_tokens"] for usage in spent if usage)


def _computed(text: str, results: Sequence[ToolMessage]) -> Finding:
    """Keep the sentences that state what a tool gave back."""
    given = [str(message.text).strip() for message in results]
    values = {value for one in given for value in numbers(one)}
    kept = [
        sentence
        for sentence in claims(text)
        if any(agree(stated, values) for stated in numbers(sentence)) or any(one and one in sentence for one in given)
    ]
    return Finding(" ".join(kept), answered=bool(kept))


def _passages(results: Sequence[ToolMessage]) -> list[Passage]:
    found: dict[str, Passage] = {}
    for message in results:
        if isinstance(message.artifact, list):
            found |= {passage["id"]: passage for passage in message.artifact}
    return list(found.values())
