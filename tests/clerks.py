"""A team of two clerks who each pay a bill, once a person agrees; `python -m tests.clerks URL FILE THREAD` asks and is killed."""

import asyncio
import os
import signal
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.tools import BaseTool, StructuredTool

from twintrack.app.assemble import App, open_app
from twintrack.app.testing import ScriptedChatModel
from twintrack.core.settings import Settings
from twintrack.graphs.agent_row import AgentSpec
from twintrack.guardrails.tools import ToolAnnotations

QUESTION = "Compare the bills of Ann and Bob, then pay both of them. Also compute 17 * 23."
NAMES = ("ann", "bob")


def paid(file: Path) -> list[str]:
    return sorted(file.read_text().split()) if file.exists() else []


def opened(
    redis_url: str, file: Path, settings: dict[str, Any] | None = None, **how: Any
) -> AbstractAsyncContextManager[App]:
    """Open the application with the clerks; what they pay is a line of the file."""
    tree = Settings.model_validate({"redis": {"url": redis_url}, **(settings or {})})
    rows = tuple(_clerk(name, file) for name in how.pop("names", NAMES))
    annotations = dict.fromkeys([f"pay_{name}" for name in NAMES], how.pop("annotation", ToolAnnotations(approve=True)))
    models = {"agent": ScriptedChatModel(script=_says), "planner": ScriptedChatModel(script=_plans(rows))}
    return open_app(tree, agents=rows, annotations=annotations, models=models)


def _clerk(name: str, file: Path) -> AgentSpec:
    return AgentSpec(name=name, purpose=f"Pays the bills of {name}.", tools=(_pay(name, file),), computes=True)


def _pay(name: str, file: Path) -> BaseTool:
    async def pay(amount: int) -> str:
        with file.open("a") as lines:
            lines.write(f"{name}:{amount}\n")
        return f"paid {amount} to {name}"

    return StructuredTool.from_function(coroutine=pay, name=f"pay_{name}", description=f"Pay {name}.")


def _says(messages: list[BaseMessage]) -> AIMessage:
    """Call the one tool, then say what came of it."""
    name = next(name for name in NAMES if f"pay {name}" in " ".join(str(one.text) for one in messages))
    results = [one for one in messages if one.type == "tool"]
    if not results:
        return AIMessage("", tool_calls=[{"id": f"call_{name}", "name": f"pay_{name}", "args": {"amount": 7}}])
    return AIMessage(f"The result: {results[-1].text}")


def _plans(rows: tuple[AgentSpec, ...]) -> Any:
    steps = [{"id": row.name, "agent": row.name, "task": f"pay {row.name} 7", "depends_on": []} for row in rows]
    return lambda _: AIMessage("", tool_calls=[{"id": "plan", "name": "Plan", "args": {"steps": steps}}])


async def _ask_and_die(url: str, file: str, thread: str) -> None:
    async with opened(url, Path(file)) as app:
        answer = await app.ask(QUESTION, thread_id=thread, user_id="ada")
        sys.stdout.write(answer.status)
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    asyncio.run(_ask_and_die(*sys.argv[1:]))
