from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from tests.contract.checkpoint_makers import config, id_of, put
from tests.examples import examples
from twintrack.core.redis_client import RedisSource
from twintrack.memory.checkpoints import VersionedRedisSaver

POOL = [f"{n} ".ljust(40 + 300 * (n % 3), "x") for n in range(400)]
LISTS = st.lists(
    st.tuples(st.integers(0, 399), st.integers(0, 200), st.sampled_from([1, -1])).map(
        lambda cut: POOL[cut[0] : cut[0] + cut[1]][:: cut[2]]
    ),
    max_size=3,
).map(lambda parts: [text for part in parts for text in part])
WHO = st.sampled_from([0, 1])
THREADS = st.sampled_from(["a", "b"])
OPERATIONS = st.one_of(
    st.tuples(st.just("put"), WHO, THREADS, st.sampled_from(["", "child"]), LISTS, st.sampled_from(["r1", "r2"])),
    st.tuples(st.just("put"), WHO, THREADS, st.just(""), LISTS, st.sampled_from(["r1", "r2"])),
    st.tuples(st.just("prune"), WHO, THREADS, st.integers(1, 3)),
    st.tuples(st.just("drop"), WHO, st.sampled_from(["r1", "r2"])),
    st.tuples(st.just("delete"), WHO, THREADS),
    st.tuples(st.just("copy"), WHO),
)
Model = dict[tuple[str, str, str], tuple[list[str], str]]
"""Values and run by thread, namespace and id."""


@examples(40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(OPERATIONS, max_size=20))
async def test_two_processes_never_lose_or_keep_a_piece(source: RedisSource, operations: list[Any]) -> None:
    await source.client().flushall()
    savers, model = [VersionedRedisSaver(source=source) for _ in range(2)], Model()
    for kind, who, *rest in operations:
        await _apply(savers[who], model, kind, rest)

    for thread in ("a", "b"):
        where: Any = {"configurable": {"thread_id": thread}}
        held = {
            (thread, found.config["configurable"]["checkpoint_ns"], found.checkpoint["id"]): found.checkpoint[
                "channel_values"
            ]["texts"]
            async for found in savers[0].alist(where)
        }
        assert held == {at: texts for at, (texts, _) in model.items() if at[0] == thread}
        await _holds_no_more(savers[0], source, thread, len({at[1] for at in held}))


async def _holds_no_more(saver: VersionedRedisSaver, source: RedisSource, thread: str, spaces: int) -> None:
    """Check that what is left after removing all but the newest is what storing the newest alone takes."""
    if not spaces:
        return
    await saver.aprune([thread])
    left = await source.client().hkeys(f"twintrack:checkpoint:{{{thread}}}:items")
    fresh = VersionedRedisSaver(source=source)
    for ns in ("", "child"):
        if found := await fresh.aget_tuple(config(thread, ns)):
            await put(fresh, "new", found.checkpoint["channel_values"], ns=ns)
    assert sorted(left) == sorted(await source.client().hkeys("twintrack:checkpoint:{new}:items"))
    await fresh.adelete_thread("new")


async def _apply(saver: VersionedRedisSaver, model: Model, kind: str, rest: list[Any]) -> None:
    if kind == "put":
        thread, ns, texts, run = rest
        where = await put(saver, thread, {"texts": texts}, ns=ns, run_id=run)
        model[thread, ns, id_of(where)] = (texts, run)
    elif kind == "prune":
        thread, keep = rest
        await saver.aprune([thread], keep_last=keep)
        _prune(model, thread, keep)
    elif kind == "drop":
        await saver.adelete_for_runs(rest)
        for at in [at for at, (_, run) in model.items() if run == rest[0]]:
            del model[at]
    elif kind == "delete":
        await saver.adelete_thread(rest[0])
        for at in [at for at in model if at[0] == rest[0]]:
            del model[at]
    else:
        await _copy(saver, model)


def _prune(model: Model, thread: str, keep: int) -> None:
    """Keep the newest of the root, and of a subgraph what these need to go back to."""
    roots = sorted((id_ for of, ns, id_ in model if (of, ns) == (thread, "")), reverse=True)
    kept = roots[:keep]
    children = sorted(id_ for of, ns, id_ in model if (of, ns) == (thread, "child"))
    for root in kept:
        kept += [id_ for id_ in children if id_ < root][-1:]
    kept += [id_ for id_ in children if not roots or id_ >= roots[:keep][-1]]
    for at in [at for at in model if at[0] == thread and at[2] not in kept]:
        del model[at]


async def _copy(saver: VersionedRedisSaver, model: Model) -> None:
    await saver.adelete_thread("b")
    for at in [at for at in model if at[0] == "b"]:
        del model[at]
    if any(at[0] == "a" for at in model):
        await saver.acopy_thread("a", "b")
    # Runs are not copied: what a run made in the source is not the copy's to drop.
    model |= {("b", *at[1:]): (texts, "") for at, (texts, _) in model.items() if at[0] == "a"}
