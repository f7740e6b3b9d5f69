"""The keys and the address of a Langfuse server are tried before a run has to."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from twintrack.core.errors import Unavailable
from twintrack.core.langfuse_check import check_langfuse
from twintrack.core.langfuse_variables import LangfuseVariables

RIGHT = "authorization: basic cgs6c2s="
HEALTH = {"status": "OK", "version": "3.120.0"}


@asynccontextmanager
async def server(health: object = HEALTH, *, hangs: bool = False) -> AsyncIterator[str]:
    """Answer as Langfuse's two public routes do; yield the base URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        if hangs:
            await reader.read()
        projects = (200, {"data": [{"name": "demo"}]}) if RIGHT in asked else (401, {"error": "Unauthorized"})
        code, body = (200, health) if "/health" in asked.splitlines()[0] else projects
        writer.write(f"HTTP/1.1 {code} X\r\nconnection: close\r\n\r\n{json.dumps(body)}".encode())
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        served.set()

    served = asyncio.Event()
    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        await served.wait()
        listening.close()
        await listening.wait_closed()


def variables(base_url: str, secret: str = "sk") -> LangfuseVariables:
    return LangfuseVariables(public_key="pk", secret_key=SecretStr(secret), base_url=base_url)


async def test_a_server_that_takes_the_keys_is_named_with_its_project() -> None:
    async with server() as url:
        assert await check_langfuse(variables(url + "/")) == f"Langfuse 3.120.0 at {url}, project demo"


async def test_refused_keys_are_told_from_a_missing_server() -> None:
    async with server() as url:
        with pytest.raises(Unavailable, match=r"refuses the keys.*LANGFUSE_SECRET_KEY"):
            await check_langfuse(variables(url, "wrong"))
    for nowhere in ("http://127.0.0.1:1", "nonsense"):
        with pytest.raises(Unavailable, match=r"does not answer.*LANGFUSE_BASE_URL"):
            await check_langfuse(variables(nowhere))


@pytest.mark.parametrize("health", [{"hello": "world"}, ["list"]])
async def test_another_kind_of_server_is_said_to_be_one(health: object) -> None:
    async with server(health) as url:
        with pytest.raises(Unavailable, match="not a Langfuse server"):
            await check_langfuse(variables(url))


async def test_a_server_that_hangs_is_waited_for_a_moment_only() -> None:
    async with server(hangs=True) as url:
        start = time.monotonic()
        with pytest.raises(Unavailable, match="does not answer"):
            await check_langfuse(variables(url))
        assert time.monotonic() - start < 20
