"""Gives the result of an equal read-only call again for a while, to the same user only."""

import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from langchain_core.messages import ToolMessage

from twintrack.core.context import Identity

ENTRIES = 256


class ResultCache:
    """Results by user, tool and arguments, in this process; the oldest leave first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[tuple[Identity, str, str], tuple[float, ToolMessage]] = OrderedDict()

    async def get(
        self, identity: Identity, call: Mapping[str, Any], run: Callable[[], Awaitable[Any]], seconds: float
    ) -> Any:
        """Return what was kept less than `seconds` ago, else what `run` brings; errors are not kept."""
        key = (identity, str(call["name"]), json.dumps(call["args"], sort_keys=True, default=str))
        found = self._kept.get(key)
        if found is not None and self._clock() - found[0] < seconds:
            return found[1].model_copy(update={"tool_call_id": call["id"], "id": None})
        result = await run()
        if isinstance(result, ToolMessage) and result.status == "success":
            self._kept[key] = (self._clock(), result)
            self._kept.move_to_end(key)
            while len(self._kept) > ENTRIES:
                self._kept.popitem(last=False)
        return result
