"""Passages hold whole sentences, stand where they say and lose nothing."""

from hypothesis import given
from hypothesis import strategies as st

from twintrack.core.chunks import chunks

TEXTS = st.lists(
    st.sampled_from(["One short. ", "A longer sentence, with more words! ", "中文句子。", "x" * 90, "\n\n"])
).map("".join)


@given(TEXTS | st.text(max_size=500), st.integers(20, 200), st.integers(0, 100))
def test_passages_stand_where_they_say_and_lose_nothing(text: str, size: int, overlap: int) -> None:
    covered = 0
    for chunk in chunks(text, size=size, overlap=overlap):
        assert text[chunk.start : chunk.end] == chunk.text
        assert len(chunk.text) <= size
        assert text[covered : chunk.start].strip() == ""
        covered = chunk.end
    assert text[covered:].strip() == ""


def test_neighbours_share_whole_sentences() -> None:
    text = "First one. Second one. Third one. Fourth one."
    assert [chunk.text for chunk in chunks(text, size=25, overlap=12)] == [
        "First one. Second one.",
        "Second one. Third one.",
        "Third one. Fourth one.",
    ]
