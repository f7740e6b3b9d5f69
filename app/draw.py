"""Draw the graphs into docs/architecture.md, so that the document cannot drift from the code."""

import re
from pathlib import Path

from twintrack.app.assemble import make_parts
from twintrack.core.settings import Settings
from twintrack.graphs import direct, hybrid, team

DOCUMENT = Path("docs/architecture.md")
_BLOCK = re.compile(r"(<!-- drawing: (\w+) -->\n```mermaid\n).*?(```)", re.DOTALL)


def drawings(settings: Settings) -> dict[str, str]:
    """Return each graph's mermaid drawing."""
    resources = make_parts(settings).resources
    graphs = {"hybrid": hybrid, "direct": direct, "team": team}
    return {name: _plain(graph.build(resources).compile().get_graph().draw_mermaid()) for name, graph in graphs.items()}


def redraw(text: str, pictures: dict[str, str]) -> str:
    """Return the document with every marked block drawn anew."""
    return _BLOCK.sub(lambda block: f"{block[1]}{pictures[block[2]]}{block[3]}", text)


def _plain(mermaid: str) -> str:
    """Leave out the nodes that only stand for error handlers: their ways are told in the text."""
    lines = [line for line in mermaid.splitlines() if "error_handler" not in line]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(redraw(DOCUMENT.read_text(encoding="utf-8"), drawings(Settings())), encoding="utf-8")
