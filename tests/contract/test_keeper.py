from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph

from twintrack.core.context import Context
from twintrack.core.embeddings import open_embedder
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import ModelSettings
from twintrack.guardrails.gated_tool import GatedTool
from twintrack.guardrails.tools import ToolPolicy
from twintrack.memory.facts import FactStore
from twintrack.nodes.keeper import Keeper, chosen, memory_tools
from twintrack.nodes.state import NOTHING_RECALLED, Assignment, Step


def keeper_of(source: RedisSource) -> Any:
    embedder = open_embedder(ModelSettings())
    tools = memory_tools(FactStore(source, embedder), embedder)
    policy = ToolPolicy(allowed={"keeper": frozenset(tool.name for tool in tools)})
    keeper = Keeper({tool.name: GatedTool(tool, policy, agent="keeper") for tool in tools})

    async def work(state: dict[str, Any], config: RunnableConfig) -> dict[str, Any]:
        step = Step(id="s1", agent="keeper", task=state["task"], depends_on=[])
        found = await keeper(
            Assignment(step=step, question=state["task"], inputs=[], recalled=NOTHING_RECALLED), config
        )
        return {"text": found.text}

    shape: Any = dict
    builder: Any = StateGraph(shape, context_schema=Context)
    builder.add_node("work", work)
    builder.add_edge(START, "work")
    return builder.compile()


async def ask(graph: Any, task: str, user: str = "ada") -> str:
    return str((await graph.ainvoke({"task": task}, context=Context(user_id=user)))["text"])


@pytest.mark.parametrize(
    ("told", "question", "forget", "word"),
    [
        ("My favourite colour is teal.", "What is my favourite colour?", "Forget my favourite colour", "teal"),
        ("我最喜欢的颜色是绿色。", "我最喜欢的颜色是什么？", "忘掉我最喜欢的颜色", "绿色"),
    ],
)
async def test_what_a_user_told_is_found_and_forgotten_by_that_user_alone(
    source: RedisSource, told: str, question: str, forget: str, word: str
) -> None:
    graph = keeper_of(source)
    assert word in await ask(graph, told)
    assert word in await ask(graph, question)
    assert await ask(graph, question, user="eve") == ""
    assert await ask(graph, forget, user="eve") == ""
    assert word in await ask(graph, forget)
    assert await ask(graph, question) == ""


def test_the_words_of_a_task_choose_the_tool() -> None:
    assert chosen("Forget that I live in Rome") == ("forget_fact", "I live in Rome")
    assert chosen("I live in Rome.")[0] == "remember_fact"
    assert chosen("Where do I live?")[0] == "look_up_memory"
