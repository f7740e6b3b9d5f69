"""A model server on which each role of the application is told what to say."""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

from tests.contract.conftest import Opener
from twintrack.app.assemble import App
from twintrack.app.testing import Reply, StubServer, calls, says

SIMPLE = "How tall is the lighthouse of the harbour?"
COMPLEX = "Who is the harbour master of Lindwick, and how many books does the library hold? Also compute 17 * 23."
PLAN = {
    "steps": [
        {"id": "a", "agent": "researcher", "task": "Who is the harbour master of Lindwick?", "depends_on": []},
        {"id": "b", "agent": "calculator", "task": "Compute 17 * 23", "depends_on": []},
    ]
}
ROLES = ("router", "answerer", "planner", "agent")
Request = dict[str, Any]
Part = Callable[[Request], Reply]


def marked(request: Request) -> Reply:
    """Write from the first passage and cite it."""
    return says("The lighthouse is 41 metres tall. [1]")


def planned(request: Request) -> Reply:
    return says(json.dumps(PLAN))


def judged(request: Request) -> Reply:
    return says(json.dumps({"complex": False}))


def acted(request: Request) -> Reply:
    """Call the tool at hand twice at once, then say what came of it."""
    tool = request["tools"][0]["function"]["name"]
    results = [message["content"] for message in request["messages"] if message["role"] == "tool"]
    if not results:
        if tool == "calculate":
            return calls(("calculate", {"expression": "17 * 23"}), ("calculate", {"expression": "391 + 0"}))
        return calls(("search_corpus", {"query": "harbour master"}), ("search_corpus", {"query": "Greta Holm"}))
    if tool == "calculate":
        return says(f"17 * 23 = {results[0]}")
    mark = re.search(r"\[([0-9a-f]{6})\][^\[]*Greta Holm", "\n".join(results))
    if not mark:
        return says("No document names the harbour master.")
    return says(f"The harbour master is Greta Holm. [{mark[1]}] She is very old.")


def composed(request: Request) -> Reply:
    """Write the findings again, marks kept, as the composing model should; answer directly else."""
    prompt = request["messages"][-1]["content"]
    if "Findings:" not in prompt:
        return marked(request)
    return says("In short: the harbour master is Greta Holm [1], and 17 * 23 = 391.")


def in_turn(*replies: Reply) -> Part:
    left: Iterator[Reply] = iter(replies)
    return lambda _: next(left)


class Stub:
    """A model server on which each role answers by its own part."""

    def __init__(self, parts: dict[str, Part]) -> None:
        usual: dict[str, Part] = {"router": judged, "answerer": composed, "planner": planned, "agent": acted}
        self._parts = usual | parts
        self.server = StubServer(lambda request: self._parts[request["model"]](request))

    def asked(self, role: str) -> list[Request]:
        return [request for request in self.server.requests if request["model"] == role]


@asynccontextmanager
async def stubbed(
    opener: Opener, settings: dict[str, Any] | None = None, *, seconds: float = 10, **parts: Part
) -> AsyncIterator[tuple[App, Stub]]:
    stub = Stub(parts)
    async with stub.server as server:
        models = {role: f"openai:{role}" for role in (*ROLES, *(parts.keys() & {"judge"}))}
        times = {"timeout_s": seconds, "total_s": 2 * seconds, "max_attempts": 2, "wait_most_s": 0.01}
        limits = {"base_url": server.base_url, **times}
        given = settings or {}
        async with opener({**given, "models": {**models, **limits, **given.get("models", {})}}) as app:
            yield app, stub
