"""The memory keeper: remembers, looks up and forgets what its own user told, and no one else's."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.runtime import get_runtime
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from twintrack.core.context import Context, Identity, identity_of
from twintrack.core.embeddings import Embedder
from twintrack.core.simplified import simplified
from twintrack.guardrails.gated_tool import GatedTool
from twintrack.memory.facts import FactStore, Origin, extract_facts
from twintrack.nodes.state import Assignment
from twintrack.nodes.work import Finding

FORGET_WORDS = frozenset({"forget", "delete", "remove", "erase", "忘记", "忘掉", "忘了", "删除", "删掉"})
_FORGET = re.compile(
    r"^.*?(?:\b(?:forget|delete|remove|erase)\b|忘记|忘掉|忘了|删除|删掉)\s*(?:that\b|about\b)?", re.IGNORECASE
)
_NEAR = 0.35
"""Cosine below which a fact is not what was asked about."""


class MemoryArguments(BaseModel):
    """What each of the keeper's tools takes; whose memory it is cannot be said."""

    model_config = ConfigDict(extra="forbid")
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)] = Field(
        description="What it is about, in the user's words."
    )


def memory_tools(facts: FactStore, embedder: Embedder) -> list[BaseTool]:
    """Return the tools that look up, remember and forget; each acts for the caller alone."""

    async def near(text: str) -> tuple[Identity, list[tuple[str, str]]]:
        identity = identity_of(get_runtime(Context))
        vector = await embedder.embed_one(text)
        found = await facts.recall(text, vector, identity=identity, limit=5)
        if not found:
            return identity, []
        scores = await embedder.embed([fact["text"] for fact in found]) @ vector
        ranked = sorted(zip(scores, found, strict=True), key=lambda pair: -pair[0])
        return identity, [(fact["id"], fact["text"]) for score, fact in ranked if score >= _NEAR]

    async def look_up_memory(text: str) -> str:
        return "\n".join(said for _, said in (await near(text))[1]) or "Nothing."

    async def remember_fact(text: str) -> str:
        stated = extract_facts(text)
        await facts.add(stated, identity=identity_of(get_runtime(Context)), origin=Origin())
        return "\n".join(one.text for one in stated) or "Nothing."

    async def forget_fact(text: str) -> str:
        identity, found = await near(text)
        # One at a time: the nearest, so that a loose word does not empty the memory.
        gone = [said for fact_id, said in found[:1] if await facts.delete(identity, fact_id)]
        return "\n".join(gone) or "Nothing."

    told = {
        look_up_memory: "Look up what the user told earlier.",
        remember_fact: "Remember what the user says of themselves.",
        forget_fact: "Forget the one fact that is nearest to the text.",
    }
    return [
        StructuredTool.from_function(coroutine=run, name=run.__name__, description=said, args_schema=MemoryArguments)
        for run, said in told.items()
    ]


@dataclass(frozen=True, slots=True)
class Keeper:
    """Chooses by the task's own words which of the three is meant, without a model."""

    tools: Mapping[str, GatedTool]

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        """Return what was remembered, forgotten or found."""
        task = assignment["step"]["task"]
        name, text = chosen(task)
        said = (await self.tools[name]({"text": text}, config)).text
        return Finding("" if said == "Nothing." else said, answered=said != "Nothing.")


def chosen(task: str) -> tuple[str, str]:
    """Return the tool that the task means, and what it is about."""
    if asked := _FORGET.match(simplified(task)):
        return "forget_fact", task[asked.end() :].strip() or task
    return ("remember_fact" if extract_facts(task) else "look_up_memory"), task
