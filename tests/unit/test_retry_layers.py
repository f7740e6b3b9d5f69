"""A failure is tried again in one layer only."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool

from twintrack.app.testing import ScriptedChatModel
from twintrack.core.errors import ModelUnavailable, RedisUnavailable, TwintrackError, Unavailable
from twintrack.graphs.agent_row import AgentSpec
from twintrack.graphs.model_agent import model_agent
from twintrack.guardrails.tools import ToolAnnotations, ToolPolicy


@pytest.mark.parametrize(("kind", "tries"), [(RedisUnavailable, 1), (ModelUnavailable, 1), (Unavailable, 3)])
async def test_a_tool_is_not_tried_again_for_what_its_client_has_tried_already(
    monkeypatch: pytest.MonkeyPatch, kind: type[TwintrackError], tries: int
) -> None:
    made: list[str] = []

    @tool
    async def look(place: str) -> str:
        """Look there."""
        made.append(place)
        raise kind("gone")

    async def at_once(_: float) -> None: ...

    monkeypatch.setattr("langchain.agents.middleware.tool_retry.asyncio.sleep", at_once)
    asks = AIMessage("", tool_calls=[{"name": "look", "args": {"place": "here"}, "id": "1"}])
    policy = ToolPolicy(allowed={"scout": frozenset({"look"})}, annotations={"look": ToolAnnotations(read_only=True)})
    spec = AgentSpec(name="scout", purpose="Looks.")
    agent: Any = model_agent(spec, ScriptedChatModel(script=[asks, "done"]), [look], policy)
    with pytest.raises(kind):
        await agent.ainvoke({"messages": [HumanMessage("go")]})
    assert len(made) == tries
