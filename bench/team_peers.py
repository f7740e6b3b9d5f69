"""The same scripted work, given to other people's supervisors."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool

from twintrack.app.testing import ScriptedChatModel
from twintrack.core.errors import Conflict

SYSTEM = "Look up what you are asked for with look_up, and say what you found."
QUESTION = "Look up four things."
Run = Callable[[], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """So many independent look-ups by agents that each call one tool once."""

    steps: int
    tool: BaseTool
    model: Callable[[float], ScriptedChatModel]


def called(name: str, arguments: Mapping[str, Any], call_id: str) -> AIMessage:
    """Return a model's message that calls one tool."""
    return AIMessage("", tool_calls=[{"name": name, "args": dict(arguments), "id": call_id}])


def last_results(messages: Sequence[BaseMessage]) -> list[ToolMessage]:
    """Return what tools gave back since a person, or a supervisor, last spoke."""
    after = max((place for place, one in enumerate(messages) if isinstance(one, HumanMessage)), default=-1)
    return [one for one in messages[after + 1 :] if isinstance(one, ToolMessage)]


def check_done(found: int, work: Work) -> None:
    """Refuse to measure a side that did not do its work."""
    if found != work.steps:
        raise Conflict(f"{found} of {work.steps} look-ups were made.", fix="install the peer's pinned version")


def langgraph_supervisor(work: Work) -> Run:
    """Hand each look-up to an agent of its own, as that library does: one after another."""
    from langgraph_supervisor import create_supervisor

    names = [f"worker_{number}" for number in range(work.steps)]
    workers: list[Any] = [
        create_agent(_named(work), [work.tool], system_prompt=SYSTEM, name=name)  # one agent per look-up
        for name in names
    ]

    def script(messages: list[BaseMessage]) -> AIMessage:
        done = sum(isinstance(one, AIMessage) and one.text.startswith("Found") for one in messages)
        if done < len(names):
            return called(f"transfer_to_{names[done]}", {}, f"hand_{done}")
        return AIMessage("All four are found.")

    graph: Any = create_supervisor(workers, model=ScriptedChatModel(script=script), prompt=SYSTEM).compile()

    async def run() -> Any:
        state = await graph.ainvoke({"messages": [HumanMessage(QUESTION)]})
        found = [one for one in state["messages"] if isinstance(one, AIMessage) and one.text.startswith("Found")]
        check_done(len(found), work)
        return state

    return run


def _named(work: Work) -> ScriptedChatModel:
    """Return a worker's model: it has not looked up yet while the last tool that answered is a hand-over."""

    def script(messages: list[BaseMessage]) -> AIMessage:
        last = messages[-1]
        if isinstance(last, ToolMessage) and last.name == work.tool.name:
            return AIMessage(f"Found: {last.text}")
        return called(work.tool.name, {"key": "a"}, f"look_{len(messages)}")

    return ScriptedChatModel(script=script)


def deepagents(work: Work) -> Run:
    """Give all look-ups to its `task` tool in one message, so that they run at once."""
    from deepagents import create_deep_agent

    def script(messages: list[BaseMessage]) -> AIMessage:
        if last_results(messages):
            return AIMessage("All four are found.")
        calls = [
            {"name": "task", "args": {"description": f"look up {one}", "subagent_type": "worker"}, "id": f"task_{one}"}
            for one in range(work.steps)
        ]
        return AIMessage("", tool_calls=calls)

    graph: Any = create_deep_agent(
        model=ScriptedChatModel(script=script),
        tools=[],
        system_prompt=SYSTEM,
        subagents=[
            {
                "name": "worker",
                "description": "Looks things up.",
                "system_prompt": SYSTEM,
                "tools": [work.tool],
                "model": work.model(0.0),
            }
        ],
    )

    async def run() -> Any:
        state = await graph.ainvoke({"messages": [HumanMessage(QUESTION)]})
        found = [one for one in state["messages"] if isinstance(one, ToolMessage) and one.text.startswith("Found")]
        check_done(len(found), work)
        return state

    return run


PEERS: dict[str, Callable[[Work], Run]] = {
    "langgraph-supervisor": langgraph_supervisor,
    "deepagents": deepagents,
}
"""Peers by the name that their package has."""
