"""The drawings in the documents are the graphs of the code."""

from pathlib import Path

from twintrack.app.draw import drawings, redraw
from twintrack.core.settings import Settings

DOCUMENT = Path(__file__).parents[2] / "docs" / "architecture.md"


def test_the_drawings_in_the_document_are_the_graphs_of_the_code() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert redraw(text, drawings(Settings())) == text, "run `make drawings`"
