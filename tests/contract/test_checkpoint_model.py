from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver

from tests.contract.checkpoint_makers import checkpoint, config
from tests.examples import examples
from twintrack.core.redis_client import RedisSource
from twintrack.memory.checkpoints import VersionedRedisSaver

THREADS = st.sampled_from(["t", "T", "t{1}", "用户"])
SPACES = st.sampled_from(["", "a", "a:1", "a|b", "ab"])
IDS = st.integers(0, 5).map(lambda n: f"1f000000-0000-6000-8000-{n:012d}")
VALUES = st.dictionaries(
    st.sampled_from(["x", "y", "z"]), st.integers(-(2**63), 2**63 - 1) | st.text(max_size=3), max_size=3
)
WRITES = st.lists(
    st.tuples(st.sampled_from(["x", "y", "__error__", "__resume__", "__interrupt__"]), st.integers(0, 9)), max_size=3
)
OPERATIONS = st.one_of(
    st.tuples(st.just("put"), THREADS, SPACES, IDS, st.none() | IDS, VALUES),
    st.tuples(st.just("put"), THREADS, SPACES, IDS, st.none() | IDS, VALUES),
    st.tuples(st.just("write"), THREADS, SPACES, IDS, st.sampled_from(["t1", "t2"]), WRITES),
    st.tuples(st.just("delete"), THREADS),
)


@examples(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    operations=st.lists(OPERATIONS, max_size=25),
    asked=st.tuples(THREADS, st.none() | SPACES, st.none() | IDS, st.none() | st.integers(1, 4)),
)
async def test_any_operations_give_what_langgraphs_own_saver_gives(
    operations: list[Any], asked: Any, source: RedisSource
) -> None:
    await source.client().flushall()
    ours, model = VersionedRedisSaver(source=source), InMemorySaver()
    for number, operation in enumerate(operations):
        for saver in (ours, model):
            await _apply(saver, operation, number)

    thread, ns, before, limit = asked
    where = config(thread, ns or "")
    if ns is None:
        del where["configurable"]["checkpoint_ns"]
    options = {"before": config(thread, "", before) if before else None}
    assert _plain(await ours.aget_tuple(where)) == _plain(await model.aget_tuple(where))
    listed = [_plain(found) async for found in ours.alist(where, **options)]
    expected = [_plain(found) async for found in model.alist(where, **options)]
    # Over several namespaces LangGraph's saver keeps no order of ids.
    assert sorted(listed, key=repr) == sorted(expected, key=repr)
    if ns is not None:
        assert listed == expected
        assert [_plain(found) async for found in ours.alist(where, limit=limit, **options)] == expected[:limit]


async def _apply(saver: Any, operation: Any, number: int) -> None:
    kind, thread, *rest = operation
    if kind == "put":
        ns, id_, parent, values = rest
        new = checkpoint(dict(values), version=str(number), id_=id_)
        where = config(thread, ns, parent or "", run="r", number=number)
        await saver.aput(where, new, {"source": "loop", "step": number}, dict(new["channel_versions"]))
    elif kind == "write":
        ns, id_, task, writes = rest
        await saver.aput_writes(config(thread, ns, id_), writes, task, f"~{task}")
    else:
        await saver.adelete_thread(thread)


def _plain(found: Any) -> Any:
    if found is None:
        return None
    where = {name: found.config["configurable"].get(name, "") for name in ("thread_id", "checkpoint_ns")}
    parent = (found.parent_config or {}).get("configurable", {}).get("checkpoint_id")
    return (where, found.checkpoint, dict(found.metadata), parent, found.pending_writes)
