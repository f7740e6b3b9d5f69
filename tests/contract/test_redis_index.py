"""The index keeps its word: no crash, no mixed-up users, no wrong dimensions, and back after a loss."""

import asyncio
from typing import Any

import pytest
from redisvl.query import FilterQuery, TextQuery, VectorQuery
from redisvl.query.filter import Tag

from twintrack.core.errors import SettingsError
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings

STOP_WORDS_FIRST = ("@text:(will|there|cat)", "@text:(a|the|interview)", "(will|there|cat)")


def schema(name: str = "notes", *, dims: int = 4, **extra: Any) -> dict[str, Any]:
    return {
        "index": {"name": name, "prefix": name, **extra},
        "fields": [
            {"name": "text", "type": "text"},
            {"name": "user", "type": "tag"},
            {"name": "at", "type": "numeric", "attrs": {"sortable": True}},
            {
                "name": "vector",
                "type": "vector",
                "attrs": {"dims": dims, "algorithm": "flat", "distance_metric": "cosine", "datatype": "float32"},
            },
        ],
    }


async def put(source: RedisSource, key: str, **fields: str | bytes) -> None:
    await run(source, "HSET", key, *(part for pair in fields.items() for part in pair))


async def run(source: RedisSource, *command: str | int | bytes) -> Any:
    client: Any = source.client()
    return await client.execute_command(*command)


@pytest.mark.parametrize("dialect", [2, 3, 4])
@pytest.mark.parametrize("words", STOP_WORDS_FIRST)
async def test_a_question_that_begins_with_two_stop_words_does_not_kill_the_server(
    source: RedisSource, words: str, dialect: int
) -> None:
    await source.index(schema(stopwords=["will", "there", "a", "the"]))
    await put(source, "notes:1", text="will there be a cat interview")
    client = source.client()
    before = (await client.info("server"))["run_id"]
    found = await run(source, "FT.SEARCH", "notes", words, "NOCONTENT", "DIALECT", dialect)
    assert b"notes:1" in str(found).encode()
    assert (await client.info("server"))["run_id"] == before


async def test_redisvl_may_ask_without_stop_words_of_its_own(source: RedisSource) -> None:
    index = await source.index(schema())
    await put(source, "notes:1", text="there will be cats")
    question = "will there cats"
    assert await index.query(TextQuery(question, "text", text_scorer="BM25STD", stopwords=None))


async def test_tags_tell_users_apart_by_case_even_where_the_schema_says_otherwise(source: RedisSource) -> None:
    loose = schema()
    loose["fields"][1]["attrs"] = {"case_sensitive": False}
    index = await source.index(loose)
    await put(source, "notes:1", user="Ann")
    await put(source, "notes:2", user="ann")
    found = await index.query(FilterQuery(filter_expression=Tag("user") == "Ann"))
    assert [row["id"] for row in found] == ["notes:1"]


async def test_other_dimensions_are_refused_with_the_fix(source: RedisSource) -> None:
    await source.index(schema(dims=4))
    with pytest.raises(SettingsError, match=r"dims of field 'vector' is 4 there and 8 here.*Fix: .*FT.DROPINDEX notes"):
        await source.index(schema(dims=8))


async def test_other_fields_are_refused_in_both_directions(source: RedisSource) -> None:
    wide, narrow = schema("wide"), schema("narrow")
    wide["fields"].append({"name": "extra", "type": "tag"})
    await source.index(wide)
    await source.index(narrow)
    with pytest.raises(SettingsError, match="extra"):
        await source.index(schema("wide"))
    with pytest.raises(SettingsError, match="extra"):
        await source.index({**wide, "index": narrow["index"]})


async def test_an_index_with_stop_words_made_by_someone_else_is_refused(source: RedisSource) -> None:
    await run(
        source,
        *[
            "FT.CREATE",
            "theirs",
            "ON",
            "HASH",
            "PREFIX",
            "1",
            "theirs",
            "SCHEMA",
            "text",
            "TEXT",
            "user",
            "TAG",
            "CASESENSITIVE",
        ],
    )
    theirs = schema("theirs")
    theirs["fields"] = theirs["fields"][:2]
    with pytest.raises(SettingsError, match="stop words"):
        await source.index(theirs)


async def test_an_index_is_opened_again_by_another_process_of_the_same_settings(
    source: RedisSource, redis_url: str
) -> None:
    await source.index(schema(prefix=["notes", "more"]))
    other = RedisSource(RedisSettings.model_validate({"url": redis_url}))
    try:
        assert (await other.index(schema(prefix=["notes", "more"]))).name == "notes"
    finally:
        await other.aclose()


async def test_sixteen_creators_at_once_make_one_index(source: RedisSource, redis_url: str) -> None:
    others = [RedisSource(RedisSettings.model_validate({"url": redis_url})) for _ in range(16)]
    try:
        indexes = await asyncio.gather(*(other.index(schema()) for other in others))
    finally:
        await asyncio.gather(*(other.aclose() for other in others))
    assert {index.name for index in indexes} == {"notes"}
    assert await run(source, "FT._LIST") in ([b"notes"], {b"notes"})


@pytest.mark.parametrize("way", ["query", "batch", "search", "aggregate", "paginate", "drop_by_filter"])
async def test_an_emptied_server_gets_its_index_back_at_the_next_search(source: RedisSource, way: str) -> None:
    index = await source.index(schema())
    await source.client().flushall()
    await put(source, "notes:1", text="cats", user="ann", vector=b"\0\0\x80\x3f" * 4)
    query = VectorQuery([1.0] * 4, "vector", num_results=3)
    if way == "query":
        assert len(await index.query(query)) == 1
    elif way == "batch":
        assert len((await index.batch_query([query]))[0]) == 1
    elif way == "search":
        assert (await index.search("*")).total == 1
    elif way == "aggregate":
        from redis.commands.search.aggregation import AggregateRequest

        assert len((await index.aggregate(AggregateRequest("*").load("text"))).rows) == 1
    elif way == "paginate":
        assert [len(page) async for page in index.paginate(query, page_size=5)] == [1]
    else:
        assert (await index.drop_by_filter(Tag("user") == "ann")).processed == 1
    assert (await source.index(schema())) is index


async def test_data_that_was_there_before_its_index_is_found_at_once(source: RedisSource) -> None:
    async with source.client().pipeline(transaction=False) as pipe:
        for number in range(3000):
            pipe.hset(f"notes:{number}", mapping={"text": f"cat {number}", "user": "ann"})
        await pipe.execute()
    index = await source.index(schema())
    assert (await index.search("@user:{ann}")).total == 3000


async def test_a_refused_search_stays_an_error(source: RedisSource) -> None:
    from redisvl.exceptions import RedisSearchError

    index = await source.index(schema())
    with pytest.raises(RedisSearchError, match=r"(?i)syntax error"):
        await index.search("@text:(((")


async def test_the_callers_schema_is_left_as_it_was(source: RedisSource) -> None:
    mine = schema()
    await source.index(mine)
    assert mine == schema()
