"""On a narrow terminal nothing is cut that a person has to read or copy."""

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from twintrack.app.answer import Answer, Cited
from twintrack.app.live_turn import LiveTurn
from twintrack.app.show_answer import show
from twintrack.app.show_steps import INDENT, step_line
from twintrack.app.streaming import StreamEvent
from twintrack.app.version_tables import print_versions
from twintrack.memory.version import Version

IDS = [f"1f1e9b3c-388e-6826-8016-32535051{number:04}" for number in range(3)]


def versions() -> list[Version]:
    told = [
        ("", "", "team"),
        ("before the move", "", "direct"),
        ("迁移之前的版本", "回答里的月费不对，退回重来", "direct"),
    ]
    return [
        Version(
            id=IDS[place],
            parent="",
            created_at="2026-11-26T16:10:44+00:00",
            step=46 - place,
            source="rollback" if why else "loop",
            next=["remember"],
            route=route,
            tokens=1234,
            usage={},
            actor="local",
            reason=why,
            rolled_back_to="",
            name=name,
            is_head=place == 0,
        )
        for place, (name, why, route) in enumerate(told)
    ]


def seen(width: int) -> tuple[Console, io.StringIO]:
    paper = io.StringIO()
    return Console(file=paper, width=width, force_terminal=True, color_system=None, highlight=False), paper


def lines_of(paper: io.StringIO, width: int) -> list[str]:
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", paper.getvalue()).splitlines()
    assert max(map(cell_len, lines)) <= width
    return lines


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_a_list_of_versions_is_whole_at_every_width(width: int) -> None:
    console, paper = seen(width)
    print_versions(console, versions())
    lines = lines_of(paper, width)
    assert [line[:2] for line in lines if IDS[0] in line] == ["> "]
    assert all(sum(one in line for line in lines) == 1 for one in IDS)
    flat = "".join("".join(lines).split())
    for word in ("remember", "team", "direct", "rollback", "1234", "迁移之前的版本", "退回重来", "allbylocal"):
        assert word in flat
    assert "…" not in flat


def test_where_there_is_room_it_is_a_table() -> None:
    console, paper = seen(200)
    print_versions(console, versions())
    assert paper.getvalue().split()[:4] == ["version", "step", "when", "next"]


@pytest.mark.parametrize("width", [40, 60, 120])
def test_an_answer_is_whole_at_every_width(width: int) -> None:
    text = (
        "蓝色账户的月费是十五美元，余额超过一千美元的客户不收取任何费用。 [1] The fee of the Blue Account is $15. [1]"
    )
    quote = Cited(
        marker=1, passage_id="p", document_id="d", title="Fees", source="docs/fees.md", start=0, end=9, quote=""
    )
    console, paper = seen(width)
    show(Answer(status="answered", text=text, citations=[quote], route="direct", reason="classifier"), console)
    flat = "".join("".join(lines_of(paper, width)).split())
    assert "".join(text.split()) in flat
    assert "[1]docs/fees.md" in flat


@pytest.mark.parametrize(("width", "lines"), [(40, 2), (120, 1)])
def test_a_step_that_needs_two_lines_goes_on_below_what_it_tells(width: int, lines: int) -> None:
    event = StreamEvent("step", step="direct/grade", detail="the passages hold 100% of the question")
    console, paper = seen(width)
    with LiveTurn(console) as live:
        live.step(step_line(event))
    told = [line for line in lines_of(paper, width) if "hold" in line or "question" in line]
    assert len(told) == lines
    assert told[0].startswith("  read      the passages")
    assert told[-1].startswith(" " * INDENT) or lines == 1
