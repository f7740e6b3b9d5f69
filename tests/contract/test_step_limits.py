"""The number of steps is bounded in every graph of a run, whoever asks for more."""

from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.config import get_config

from tests.contract.conftest import WHO, Opener
from tests.stubbed_models import COMPLEX
from twintrack.app.testing import ScriptedChatModel
from twintrack.core.context import Context


async def test_no_graph_of_a_run_may_take_more_steps_than_the_setting_says(opener: Opener) -> None:
    seen: list[int] = []

    def say(_: list[BaseMessage]) -> AIMessage:
        seen.append(get_config()["recursion_limit"])
        return AIMessage("NO ANSWER")

    async with opener({"budgets": {"max_steps": 40}}, models={"agent": ScriptedChatModel(script=say)}) as app:
        for asked_for in (None, 10_011, 30):
            config: Any = {"configurable": {"thread_id": str(asked_for)}}
            if asked_for:
                config["recursion_limit"] = asked_for
            seen.clear()
            await app.graph.ainvoke({"messages": [HumanMessage(COMPLEX)]}, config, context=Context(user_id=WHO.user_id))
            assert seen
            assert set(seen) == {min(asked_for or 40, 40)}
