"""The evaluation of the answer cache leaves a shared server as it found it."""

from twintrack.core.embeddings import LocalEmbedder
from twintrack.core.redis_client import RedisSource
from twintrack.evals.cache import prepared, run

TOWNS = ("Lindwick", "Arbourne", "Castle Dunmore", "Vester", "Holm", "Brackwater", "Saint Orlo", "Ketterby")
BYSTANDER = "twintrack:fact:someone:else:1"


async def test_it_leaves_nothing_of_its_own_and_all_of_the_others(source: RedisSource) -> None:
    rows = [
        {"question": f"{what} {town}?", "pid": town}
        for town in TOWNS
        for what in ("How tall is the lighthouse of", "Who is the harbour master of", "When was the bridge built in")
    ]
    client = source.client()
    await client.set(BYSTANDER, "1")
    material = await prepared([rows], LocalEmbedder(), seed=1)
    figures = await run(material, source=source, embedder=LocalEmbedder(), shipped=0.8)
    assert figures["through_redis"]["kept"] > 0
    assert [name async for name in client.scan_iter("*")] == [BYSTANDER.encode()]
