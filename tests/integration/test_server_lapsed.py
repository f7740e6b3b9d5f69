"""Questions that nobody answers in time, behind `langgraph dev`: the server itself ends them."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from langgraph_sdk.client import LangGraphClient

from tests.integration.test_server import KEYS, TENANTS, client_of, http_of, new_thread, state_of, turn
from tests.langgraph_dev import LanggraphDev
from twintrack.core.redis_client import RedisSource

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
LOOKS = 600


@pytest.fixture
def server(redis_url: str, source: RedisSource, tmp_path: Path) -> Iterator[LanggraphDev]:
    """Serve a graph whose calculator must be approved at once."""
    del source
    server = LanggraphDev(
        tmp_path,
        TWINTRACK_REDIS__URL=redis_url,
        TWINTRACK_SERVER__KEYS=json.dumps([f"{KEYS[user]}:{user}:{TENANTS[user]}" for user in KEYS]),
        TWINTRACK_TEAM__APPROVE='["calculator"]',
        TWINTRACK_APPROVALS__TIMEOUT_SECONDS="0.01",
        TWINTRACK_APPROVALS__SWEEP_SECONDS="0.2",
    )
    server.start()
    yield server
    server.stop()


async def ended(client: LangGraphClient, thread: str) -> bool:
    for _ in range(LOOKS):
        if (await client.threads.get_state(thread))["next"] == []:
            return True
        await asyncio.sleep(0.1)
    return False


async def test_the_server_ends_them_by_itself_and_the_thread_goes_on(server: LanggraphDev) -> None:
    async with client_of(server, "ann") as ann, http_of(server, "ann") as http:
        thread = await new_thread(ann)
        assert "__interrupt__" in await turn(ann, thread, "What is 17 * 23?")
        assert await ended(ann, thread)
        assert "nobody decided in time" in (await state_of(ann, thread))["answer"]["reason"]
        assert (await http.get("/twintrack/approvals")).json() == {"waiting": []}
        assert (await http.post("/twintrack/approvals/settle")).json() == {"ended": []}
        assert (await http.post("/twintrack/approvals/settle?user_id=bob")).status_code == 403
        after = await turn(ann, thread, "How long may a film be borrowed?")
    assert len([one for one in after["messages"] if one["type"] == "human"]) == 2
