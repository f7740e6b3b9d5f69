"""A failure is tried again in one layer only."""

import asyncio
from typing import Any

import pytest
import stamina
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool

from tests import virtual_time
from twintrack.app.testing import ScriptedChatModel
from twintrack.core.errors import ModelUnavailable, RedisUnavailable, TwintrackError, Unavailable
from twintrack.graphs.agent_row import AgentSpec
from twintrack.graphs.model_agent import model_agent
from twintrack.guardrails.tools import ToolAnnotations, ToolPolicy


@pytest.mark.parametrize(("kind", "tries"), [(RedisUnavailable, 1), (ModelUnavailable, 1), (Unavailable, 3)])
def test_a_tool_is_not_tried_again_for_what_its_client_has_tried_already(
    kind: type[TwintrackError], tries: int
) -> None:
    made: list[str] = []

    @tool
    async def look(place: str) -> str:
        """Look there."""
        made.append(place)
        raise kind("gone")

    asks = AIMessage("", tool_calls=[{"name": "look", "args": {"place": "here"}, "id": "1"}])
    policy = ToolPolicy(allowed={"scout": frozenset({"look"})}, annotations={"look": ToolAnnotations(read_only=True)})
    spec = AgentSpec(name="scout", purpose="Looks.")
    agent: Any = model_agent(spec, ScriptedChatModel(script=[asks, "done"]), [look], policy)

    async def waited() -> float:
        with stamina.set_testing(True), pytest.raises(kind):
            await agent.ainvoke({"messages": [HumanMessage("go")]})
        return asyncio.get_running_loop().time()

    assert virtual_time.run(waited()) < 0.9  # the first wait alone is about a second
    assert len(made) == tries
