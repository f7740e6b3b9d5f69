"""Lua scripts of the checkpoint storage, each run in one round trip."""

from collections.abc import Mapping, Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Any

from redis.client import NEVER_DECODE
from redis.exceptions import NoScriptError

BYTES: dict[str, Any] = {NEVER_DECODE: []}
"""Options of a command whose reply stays bytes whatever the client decodes."""


class Script:
    """One script: sent whole the first time a server sees it, by its digest afterwards."""

    def __init__(self, *names: str) -> None:
        folder = files("twintrack.memory")
        self.source = "\n".join((folder / f"checkpoint_{name}.lua").read_text("utf-8") for name in names)
        self.sha = sha1(self.source.encode(), usedforsecurity=False).hexdigest()

    async def run(
        self, client: Any, keys: Sequence[bytes], args: Sequence[bytes], options: Mapping[str, Any] = BYTES
    ) -> Any:
        """Run on one thread's keys; replies are bytes whatever the client decodes."""
        try:
            return await client.execute_command("EVALSHA", self.sha, len(keys), *keys, *args, **options)
        except NoScriptError:
            return await client.execute_command("EVAL", self.source, len(keys), *keys, *args, **options)


GET = Script("prelude", "get")
READ = Script("prelude", "read")
PUT = Script("prelude", "put")
WRITES = Script("prelude", "writes")
DELTA = Script("prelude", "delta")
DELETE = Script("prelude", "delete")
