"""The public types, checked by mypy and pyright and never run."""

from collections.abc import AsyncIterator
from typing import Literal, assert_type

from langchain_core.messages import AIMessage

from twintrack import Answer, App, Context, Settings, open_app
from twintrack.app.streaming import StreamEvent
from twintrack.app.testing import ScriptedChatModel
from twintrack.memory.versions import Version


async def embeds() -> None:
    model = ScriptedChatModel(script=lambda _: AIMessage("x"))
    async with open_app(Settings(), models={"answerer": model}) as app:
        assert_type(app, App)
        answer = await app.ask("question", thread_id="t", user_id="u", tenant_id="acme", locale="zh")
        assert_type(answer, Answer)
        assert_type(answer.status, Literal["answered", "abstained", "refused", "interrupted", "failed"])
        assert_type(answer.citations[0].quote, str)
        assert_type(app.stream("question"), AsyncIterator[StreamEvent])
        assert_type(await app.resume("t", [{"type": "approve"}]), Answer)
        assert_type(await app.versions.list("t"), list[Version])


def says() -> Context:
    return Context(user_id="u", max_model_calls=3)
