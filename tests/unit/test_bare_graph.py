"""What a turn is measured beside has the shape of what is measured."""

from typing import Any

from twintrack.app.draw import drawings
from twintrack.app.testing import ScriptedChatModel
from twintrack.bench.bare_graph import bare_graph
from twintrack.core.settings import Settings


def edges(drawing: str) -> list[str]:
    return sorted(line.strip() for line in drawing.splitlines() if "-->" in line or "-.->" in line)


def test_the_bare_graph_has_the_same_picture() -> None:
    bare: Any = bare_graph(ScriptedChatModel(script=["x"]))
    direct, ours = bare.nodes["direct"].runnable, drawings(Settings())

    assert edges(bare.compile().get_graph().draw_mermaid()) == edges(ours["hybrid"])
    assert edges(direct.get_graph().draw_mermaid()) == edges(ours["direct"])
    assert direct.checkpointer is False
