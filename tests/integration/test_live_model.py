"""The whole graph with a model of your own choice: `LIVE_MODEL=openai:... LIVE_API_KEY=... pytest -m live`."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.integration.real_model import runs_the_whole_graph
from twintrack.core.models import ROLES
from twintrack.core.redis_client import RedisSource

KEY = os.environ.get("LIVE_API_KEY", "")


@pytest.mark.live
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the vendor keeps its connections
@pytest.mark.slow
@pytest.mark.skipif(not KEY, reason="asks a provider: set LIVE_MODEL, LIVE_API_KEY and, if need be, LIVE_BASE_URL")
async def test_the_whole_graph_runs_with_a_real_model(source: RedisSource, redis_url: str, tmp_path: Path) -> None:
    del source
    spec = os.environ.get("LIVE_MODEL", "openai:gpt-4.1-mini")
    roles: dict[str, Any] = {str(role): spec for role in ROLES}
    models = {**roles, "api_key": KEY, "base_url": os.environ.get("LIVE_BASE_URL")}
    await runs_the_whole_graph(redis_url, tmp_path, models)
