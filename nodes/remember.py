"""Keep what this turn taught, for later turns and later conversations."""

import asyncio
from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from twintrack.core.context import Context, identity_of
from twintrack.core.tool_calls import place_of
from twintrack.guardrails.run_meter import tokens_spent
from twintrack.memory.schemas import Turn
from twintrack.memory.tiers import Memory
from twintrack.nodes.prompts import chosen_locale
from twintrack.nodes.reuse import Reuse
from twintrack.nodes.state import State


async def remember(
    state: State, runtime: Runtime[Context], config: RunnableConfig, *, memory: Memory, reuse: Reuse | None = None
) -> dict[str, Any]:
    """Write the episode, the user's facts and the window's summary; keep the answer where it may be given again."""
    decision, place = state.get("decision"), place_of(config)
    turn = Turn(
        thread_id=str(config["configurable"].get("thread_id", "")),
        turn_id=_turn_id(state),
        checkpoint_id=place.version if place else "",
        question=state["question"],
        answer=state["answer"]["text"],
        route=decision["route"] if decision else "",
        status=state["answer"]["status"],
        messages=state["messages"],
    )
    identity = identity_of(runtime)
    writing = memory.remember(turn, identity=identity)
    if reuse is None:
        await writing
    else:
        tokens = tokens_spent(config)
        keeping = reuse.keep(state, identity, chosen_locale(), thread_id=turn.thread_id, tokens=tokens)
        await asyncio.gather(writing, keeping)
    return {}


def _turn_id(state: State) -> str:
    """Return the id of the message that asked: the same when the turn is run again."""
    asked = [message for message in state["messages"] if isinstance(message, HumanMessage)]
    return str(asked[-1].id) if asked else ""
