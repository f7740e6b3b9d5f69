"""A search index that is what its schema says, and comes back when the server lost it."""

import asyncio
import copy
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError
from redisvl.exceptions import RedisSearchError
from redisvl.index import AsyncSearchIndex
from redisvl.redis.connection import convert_index_info_to_schema
from redisvl.schema import IndexSchema

from twintrack.core.errors import SettingsError
from twintrack.core.redis_errors import is_missing_index

T = TypeVar("T")

FILL_S = 60.0
"""Seconds to wait while a new index reads the data that is already there."""
COMPARED = {
    "text": ("weight", "no_stem", "sortable"),
    "tag": ("separator", "case_sensitive", "sortable"),
    "numeric": ("sortable",),
    "geo": (),
    "vector": ("dims", "datatype", "distance_metric", "algorithm"),
}
"""What two fields of one type must share; `FT.INFO` tells each of these."""


class ContractIndex(AsyncSearchIndex):  # type: ignore[misc] # redisvl ships no types
    """An index that refuses to open one made otherwise, and is made anew where a search finds it gone.

    The index in Redis is itself the stored contract, so there is no second record to drift from it. `given` is the
    schema it was made for, which nobody changes.
    """

    def __init__(self, schema: dict[str, Any], client: Redis) -> None:
        super().__init__(IndexSchema.from_dict(_enforced(schema)), redis_client=client)
        self.given = schema

    async def open(self) -> None:
        """Make the index where it is missing, else check that it is the same; wait until it is filled.

        Raises:
            SettingsError: an index of this name was made with other fields or dimensions.
        """
        info = await self._info_or_make()
        if difference := _difference(_contract(self.schema), _contract_of(info)):
            raise SettingsError(
                f"The index {self.name!r} in Redis was made otherwise: {difference}.",
                fix=f"go back to the settings it was made with, or `redis-cli FT.DROPINDEX {self.name} DD` "
                "and read the documents in again",
            )
        deadline = time.monotonic() + FILL_S
        while int(info.get("indexing") or 0) and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
            info = await self.info()

    async def search(self, *args: Any, **options: Any) -> Any:
        """Search; where the index is gone, make it and search again."""
        return await self._healed(super().search, *args, **options)

    async def aggregate(self, *args: Any, **options: Any) -> Any:
        """Aggregate; where the index is gone, make it and aggregate again."""
        return await self._healed(super().aggregate, *args, **options)

    async def batch_search(self, *args: Any, **options: Any) -> Any:
        """Search several times; where the index is gone, make it and search again."""
        return await self._healed(super().batch_search, *args, **options)

    async def _healed(self, run: Callable[..., Awaitable[T]], *args: Any, **options: Any) -> T:
        try:
            return await run(*args, **options)
        except (RedisSearchError, RedisError) as error:
            if not is_missing_index(error):
                raise
        await self.open()
        return await run(*args, **options)

    async def _info_or_make(self) -> dict[str, Any]:
        try:
            return dict(await self.info())
        except RedisSearchError as error:
            if not is_missing_index(error):
                raise
        try:
            await self.create(overwrite=False)
        except RedisSearchError as error:
            if "already exists" not in str(error).lower():
                raise
        return dict(await self.info())


def _enforced(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema without stop words and with case-sensitive tags.

    Some servers die of a query that begins with two stop words, and a tag that ignores case mixes two users.
    """
    enforced = copy.deepcopy(schema)
    enforced["index"]["stopwords"] = []
    for field in enforced["fields"]:
        if field["type"] == "tag":
            field.setdefault("attrs", {})["case_sensitive"] = True
    return enforced


def _contract_of(info: dict[str, Any]) -> dict[str, Any]:
    return _contract(IndexSchema.from_dict(convert_index_info_to_schema(info)))


def _contract(schema: IndexSchema) -> dict[str, Any]:
    """Return what two indexes must share, as flat names and values."""
    plain = schema.to_dict()
    index = plain["index"]
    prefixes = index["prefix"] if isinstance(index["prefix"], list) else [index["prefix"]]
    contract = {
        "the storage": index["storage_type"],
        "the key prefixes": prefixes,
        "the stop words": index.get("stopwords"),
    }
    for field in plain["fields"]:
        contract[f"the type of field {field['name']!r}"] = field["type"]
        for attribute in COMPARED.get(field["type"], ()):
            contract[f"{attribute} of field {field['name']!r}"] = field["attrs"].get(attribute)
    return contract


def _difference(wanted: dict[str, Any], found: dict[str, Any]) -> str:
    """Return the differences in words; empty where there is none."""
    return "; ".join(
        f"{name} is {found.get(name, 'missing')!r} there and {wanted.get(name, 'missing')!r} here"
        for name in dict.fromkeys((*wanted, *found))
        if wanted.get(name) != found.get(name)
    )
