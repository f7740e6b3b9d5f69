"""An answer that streams reads the same however it is cut, with the owner's words in it and no placeholder held for long."""

from collections.abc import AsyncIterator, Collection
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from twintrack.app.streamed_originals import restored
from twintrack.app.streaming import StreamEvent
from twintrack.core.context import Identity
from twintrack.guardrails.pii import restore

MAIL, CARD, STRANGE = "<EMAIL_abc123>", "<CARD_00112233445566ff>", "<IBAN_ffffff>"
FOUND = {MAIL: "greta@example.org"}
KEPT = {CARD: "4111 1111 1111 1111"}
TEXTS = st.lists(st.sampled_from([MAIL, CARD, STRANGE, "<", "<EM", "A < B", "茶园", " ", "_", "a1", ">"]), max_size=12)


class Kept:
    """A vault that holds one placeholder of its user."""

    async def originals(self, identity: Identity, placeholders: Collection[str]) -> dict[str, str]:
        return {name: KEPT[name] for name in placeholders if name in KEPT}


async def streamed(pieces: list[str]) -> list[str]:
    async def events() -> AsyncIterator[StreamEvent]:
        for piece in pieces:
            yield StreamEvent("token", token=piece)
            yield StreamEvent("step", step="between")

    vault: Any = Kept()
    return [event.token async for event in restored(events(), FOUND, vault, Identity()) if event.kind == "token"]


@given(TEXTS, st.lists(st.integers(1, 9), min_size=1, max_size=5))
async def test_however_a_text_is_cut_its_placeholders_come_back(parts: list[str], sizes: list[int]) -> None:
    text, place = "".join(parts), 0
    pieces: list[str] = []
    while place < len(text):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(text[place : place + size])
        place += size
    assert "".join(await streamed(pieces)) == restore(text, FOUND | KEPT)


async def test_words_that_begin_no_placeholder_are_not_held_back() -> None:
    assert await streamed(["It is ", "5 < 6 ", "<p", ">"]) == ["It is ", "5 < 6 ", "<p", ">"]
