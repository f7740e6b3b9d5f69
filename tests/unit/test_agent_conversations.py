"""What an agent that a model plays reads of its own calls: always whole, and never too long."""

import operator
from functools import partial
from typing import Annotated, Any

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.tools import StructuredTool
from langgraph.graph import START, StateGraph

from tests import virtual_time
from tests.conversations import whole
from tests.examples import examples
from tests.plans import ENDS, SECONDS, step
from twintrack.app.testing import ScriptedChatModel
from twintrack.core.context import Context
from twintrack.graphs.agent_row import AgentSpec
from twintrack.graphs.model_agent import model_agent
from twintrack.guardrails.tools import ToolPolicy
from twintrack.nodes.findings import GraphAgent
from twintrack.nodes.state import Assignment, StepResult
from twintrack.nodes.work import Finding, work

TOOL_ENDS = ("finds", "fails", "breaks", "hangs")
turns = st.lists(st.lists(st.sampled_from((*TOOL_ENDS, "no_such_tool", "wrong_arguments")), max_size=3), max_size=5)


@examples(40)
@given(turns)
def test_what_a_model_reads_of_its_own_calls_is_always_whole(rounds: list[list[str]]) -> None:
    read: list[list[BaseMessage]] = []
    left = [*rounds]

    def script(messages: list[BaseMessage]) -> AIMessage:
        read.append([*messages])
        names = left.pop(0) if left else []
        return AIMessage("done", tool_calls=[called(name, f"{len(read)}-{place}") for place, name in enumerate(names)])

    ran: list[str] = []

    async def act(fate: str) -> str:
        ran.append(fate)
        found: Finding = await ENDS[fate](fate)
        return found.text

    tool = StructuredTool.from_function(coroutine=act, name="act", description="Act.")
    row = AgentSpec(name="worker", purpose="Acts.", tools=(tool,), model_calls=4, tool_calls=5)
    policy = ToolPolicy(allowed={"worker": frozenset({"act"})})
    agent = GraphAgent(model_agent(row, ScriptedChatModel(script=script), [tool], policy, None), computes=True)
    result = virtual_time.run(worked(agent))
    assert result["status"] in {"abstained", "failed", "timed_out"}
    assert len(read) <= 4
    assert len(ran) <= 5
    assert all(whole(messages) for messages in read)


def test_old_results_are_left_out_once_the_conversation_is_long() -> None:
    read: list[list[BaseMessage]] = []

    def script(messages: list[BaseMessage]) -> AIMessage:
        read.append([*messages])
        calls = [called("finds", str(len(read)))] if len(read) < 6 else []
        return AIMessage("done", tool_calls=calls)

    async def act(fate: str) -> str:
        return f"{fate} " * 400

    tool = StructuredTool.from_function(coroutine=act, name="act", description="Act.")
    row = AgentSpec(name="worker", purpose="Acts.", tools=(tool,), context_tokens=1500)
    policy = ToolPolicy(allowed={"worker": frozenset({"act"})})
    virtual_time.run(worked(GraphAgent(model_agent(row, ScriptedChatModel(script=script), [tool], policy, None))))
    lengths = [len(one.text) for one in read[-1] if isinstance(one, ToolMessage)]
    assert len(lengths) == 5
    assert lengths[0] < 100 < lengths[-1]


def called(name: str, call_id: str) -> Any:
    if name == "no_such_tool":
        return {"name": "no_such_tool", "args": {}, "id": call_id}
    return {"name": "act", "args": {"fate": name} if name in TOOL_ENDS else {"what": 1}, "id": call_id}


async def worked(agent: Any) -> Any:
    graph = StateGraph(Worked, context_schema=Context)
    graph.add_node("agent", partial(work, agents={"worker": agent}, seconds=lambda _: SECONDS))
    graph.add_edge(START, "agent")
    asked: Any = {"step": step("worker", "a"), "question": "q", "inputs": []}
    return (await graph.compile().ainvoke(asked, context=Context()))["results"][0]


class Worked(Assignment):
    results: Annotated[list[StepResult], operator.add]
