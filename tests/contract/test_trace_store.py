"""The store of the last traces: bounded per user, and a long trace is kept whole."""

from twintrack.core.context import Identity
from twintrack.core.redis_client import RedisSource
from twintrack.core.traces import Owner, TraceSpan, TraceStore

ADA = Owner(Identity("acme", "ada"), "t")


def spans(count: int, start: float = 1.0) -> list[TraceSpan]:
    return [
        TraceSpan(id=f"{number:016x}", parent=None, name="step", type="chain", start=start + number, end=start + number)
        for number in range(count)
    ]


async def test_only_the_newest_traces_of_a_user_are_kept(source: RedisSource) -> None:
    store = TraceStore(source, keep=3)
    for number in range(5):
        await store.add(f"trace{number}", ADA, spans(1, start=float(number)))
    await store.add("late", ADA, spans(1, start=-1.0))
    assert [one.id for one in await store.list(ADA.identity)] == ["trace4", "trace3", "trace2"]
    assert await store.get("trace0", ADA.identity) is None
    assert await store.get("late", ADA.identity) is None


async def test_a_resumption_keeps_its_turns_place(source: RedisSource) -> None:
    store = TraceStore(source, keep=3)
    for name, start in (("first", 1.0), ("second", 2.0), ("first", 3.0)):
        await store.add(name, ADA, spans(1, start=start))
    assert [one.id for one in await store.list(ADA.identity)] == ["second", "first"]


async def test_a_trace_of_thousands_of_steps_is_kept_whole_and_runs_out(source: RedisSource) -> None:
    store = TraceStore(source, keep_days=1)
    await store.add("long", ADA, spans(5000))
    found = await store.get("long", ADA.identity)
    assert found is not None
    assert len(found.spans) == 5000
    names = [name async for name in source.client().scan_iter("twintrack:trace*")]
    lives = [await source.client().ttl(name) for name in names]
    assert len(names) == 2
    assert all(0 < seconds <= 86_400 for seconds in lives)
