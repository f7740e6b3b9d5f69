"""A run that another has overtaken is refused; one that is told where to go on from is not."""

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from tests.contract.conftest import WHO, Opener
from tests.hesitant import Hesitant
from tests.waiting import until
from twintrack.app.assemble import App
from twintrack.core.context import Context
from twintrack.core.errors import Conflict

CONTEXT = Context(tenant_id=WHO.tenant_id, user_id=WHO.user_id)


def _asked(question: str) -> Any:
    return {"messages": [("human", question)]}


def _at(**where: str) -> Any:
    return {"configurable": {"thread_id": "t", "user_id": WHO.user_id, **where}}


async def test_of_two_runs_past_the_lease_the_overtaken_one_is_refused(app: App) -> None:
    async def run(question: str) -> Any:
        return await app.graph.ainvoke(_asked(question), _at(), context=CONTEXT, durability="sync")

    done = await asyncio.gather(
        run("How tall is the lighthouse?"), run("Who is the harbour master?"), return_exceptions=True
    )
    assert [type(one) for one in done].count(Conflict) == 1
    messages = (await app.graph.aget_state(_at())).values["messages"]
    assert [message.type for message in messages] == ["human", "ai"]


async def test_new_input_at_an_old_version_begins_another_branch(app: App) -> None:
    first = await app.ask("How tall is the lighthouse?", thread_id="t", user_id=WHO.user_id)
    await app.ask("Who is the harbour master?", thread_id="t", user_id=WHO.user_id)

    old = _at(checkpoint_id=first.version, checkpoint_ns="")
    state = await app.graph.ainvoke(_asked("Who founded the library?"), old, context=CONTEXT)

    assert len(state["messages"]) == 4
    assert "Otto Brandt" in state["messages"][-1].text


async def test_a_turn_overtaken_by_a_rollback_is_refused(opener: Opener) -> None:
    slow = Hesitant(script=lambda _: AIMessage("41 metres. [1]"))
    async with opener(models={"answerer": slow}) as app:
        slow.go_on()
        first = await app.ask("How tall is the lighthouse?", thread_id="t", user_id=WHO.user_id)
        slow.hesitate()
        running = asyncio.create_task(app.ask("Who is the harbour master?", thread_id="t", user_id=WHO.user_id))
        await until(slow.is_asked)
        back = await app.versions.rollback("t", first.version, reason="wrong", actor="ada", identity=WHO)
        slow.go_on()
        with pytest.raises(Conflict):
            await running
        assert (await app.versions.get("t")).id == back.id
