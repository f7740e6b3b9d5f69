"""The tools the shipped agents may call."""

import hashlib
from functools import partial
from typing import Annotated

from langchain_core.tools import BaseTool, StructuredTool
from langgraph.runtime import get_runtime
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from twintrack.core.context import Context, identity_of
from twintrack.core.corpus import Corpus
from twintrack.core.embeddings import Embedder
from twintrack.core.passages import Passage
from twintrack.nodes.calculate import Sandbox
from twintrack.nodes.prompts import fenced

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]


class SearchArguments(BaseModel):
    """What `search_corpus` takes."""

    model_config = ConfigDict(extra="forbid")
    query: Text = Field(description="What to look for, in plain words.")


class CalculateArguments(BaseModel):
    """What `calculate` takes."""

    model_config = ConfigDict(extra="forbid")
    expression: Text = Field(description="A Python expression, such as (17 * 23) / 4.")


class ProgramArguments(BaseModel):
    """What `run_python` takes."""

    model_config = ConfigDict(extra="forbid")
    code: Annotated[str, StringConstraints(min_length=1, max_length=20_000)] = Field(description="The whole program.")


def search_corpus(corpus: Corpus, embedder: Embedder) -> BaseTool:
    """Return the tool that searches the caller's own documents; its artifact is the passages."""

    async def run(query: str) -> tuple[str, list[Passage]]:
        identity = identity_of(get_runtime(Context))
        passages = await corpus.search(query, partial(embedder.embed_one, query), identity=identity)
        listed = (f"[{mark(one)}]\n{fenced(one['title'] + chr(10) + one['text'])}" for one in passages)
        return "\n\n".join(listed) or "Nothing found.", passages

    return StructuredTool.from_function(
        coroutine=run,
        name="search_corpus",
        description="Search the documents. Each passage found starts with its mark, to be cited like [a1b2c3].",
        args_schema=SearchArguments,
        response_format="content_and_artifact",
    )


def calculate(sandbox: Sandbox) -> BaseTool:
    """Return the tool that computes in a sandbox without access to the host."""

    async def run(expression: str) -> str:
        return await sandbox.run(expression)

    return StructuredTool.from_function(
        coroutine=run,
        name="calculate",
        description="Compute a Python expression exactly.",
        args_schema=CalculateArguments,
    )


def run_python(sandbox: Sandbox) -> BaseTool:
    """Return the tool that runs a small program in the same sandbox."""

    async def run(code: str) -> str:
        return await sandbox.run(code) or "The program printed nothing."

    return StructuredTool.from_function(
        coroutine=run,
        name="run_python",
        description=(
            "Run a small Python program: functions, loops, lists, dicts, `import math`. It reaches no files, network or "
            "environment. What it prints, and the value of its last expression, comes back."
        ),
        args_schema=ProgramArguments,
    )


def mark(passage: Passage) -> str:
    """Return the six hex digits by which a passage is cited inside an agent."""
    return hashlib.sha256(passage["id"].encode()).hexdigest()[:6]
