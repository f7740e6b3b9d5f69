"""Code, headings, tables and list marks are told from prose, and none of them spoils a quote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twintrack.core.chunks import chunks
from twintrack.core.markup import code_blocks, kind_of
from twintrack.core.passages import Passage
from twintrack.core.tokens import sentences
from twintrack.nodes.extract import extract
from twintrack.nodes.quotable import quotables

GUIDE = """# 4. Start the server

Run it so. It takes a second.

```bash
twintrack dev --port 2024  # starts the server. Then wait.

echo done
```

- **Port.** The server listens on 2024.
- [x] It needs no key.

| part | licence |
|---|---|
| redis | MIT |
| server program | Apache |

---
<!-- drawing: server -->
> Quoted advice stays.
"""
MARKS = st.lists(
    st.sampled_from(
        ["```\n", "```bash\n", "~~~\n", "# One. Two\n", "- a. B\n", "| a | b |\n", "|---|---|\n", "x. Y\n", "\n"]
    )
).map("".join)


def passage(text: str, source: str = "guide.md") -> Passage:
    return Passage(id="p", document_id="d", title="Guide", source=source, text=text, start=0, score=0.5)


def quoted(text: str, source: str = "guide.md") -> list[str]:
    return [one.span.text for one in quotables(passage(text, source))]


def test_only_prose_and_table_rows_may_be_quoted_without_their_marks() -> None:
    assert quoted(GUIDE) == [
        "Run it so.",
        "It takes a second.",
        "**Port.** The server listens on 2024.",
        "It needs no key.",
        "redis | MIT",
        "server program | Apache",
        "Quoted advice stays.",
    ]


def test_a_sentence_knows_the_heading_above_it() -> None:
    assert {one.heading for one in quotables(passage(GUIDE))} == {"4. Start the server"}


def test_a_heading_is_one_piece_whatever_dots_it_holds() -> None:
    assert sentences("# 6. Data is masked. Always\nText.")[0].text == "# 6. Data is masked. Always"


def test_fenced_code_is_one_piece_even_with_blank_lines_and_full_stops() -> None:
    assert any(span.text.startswith("```bash") and span.text.endswith("```") for span in sentences(GUIDE))


def test_code_stays_in_the_index() -> None:
    assert any("echo done" in chunk.text for chunk in chunks(GUIDE, size=200, overlap=20))


@pytest.mark.parametrize(
    "text",
    [
        "a --> b;\nb --> c;\n```\nAfter it.",
        "Before it.\n```mermaid\ngraph TD;\na --> b;",
        "a --> b;\n```\nBetween.\n```python\nx = 1",
        "a --> b;\nb --> c;\nc --> d;",
    ],
    ids=["its end", "its beginning", "the end of one and the beginning of another", "its middle"],
)
def test_a_passage_that_holds_a_part_of_a_block_quotes_none_of_it(text: str) -> None:
    assert set(quoted(text)) <= {"After it.", "Before it.", "Between."}
    assert text.count("it.") + text.count("Between.") == len(quoted(text))


def test_a_source_file_may_still_be_quoted() -> None:
    assert quoted("a = 1;\nb = 2;", "settings.toml")


@pytest.mark.parametrize(
    ("piece", "kind"), [("## A", "heading"), ("***", "aside"), ("a | b", "prose"), ("#1 wins", "prose")]
)
def test_the_kind_of_a_piece_is_told(piece: str, kind: str) -> None:
    assert kind_of(piece, 0, len(piece)) == kind


async def test_a_row_is_quoted_alone_and_only_where_no_sentence_says_as_much() -> None:
    row = await extract("What is the licence of the server program?", [passage(GUIDE)])
    assert [citation["quote"] for citation in row["citations"]] == ["server program | Apache"]
    text = GUIDE + "\nThe server program has the licence MIT.\n"
    sentence = await extract("What is the licence of the server program?", [passage(text)])
    assert sentence["citations"][0]["quote"] == "The server program has the licence MIT."
    assert all("|" not in citation["quote"] for citation in sentence["citations"])


@given(MARKS, st.integers(0, 60))
async def test_whatever_the_markup_offsets_are_true(text: str, cut: int) -> None:
    piece = text[cut:]
    assert all(0 <= first < last <= len(piece) for first, last in code_blocks(piece))
    for one in quotables(passage(piece)):
        assert piece[one.span.start : one.span.end] == one.span.text != ""
        assert "```" not in one.span.text
    position = 0
    for span in sentences(piece):
        assert piece[position : span.start].strip() == ""
        position = span.end
    assert piece[position:].strip() == ""
