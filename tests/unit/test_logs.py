from pathlib import Path

import pytest

from twintrack.core.errors import SettingsError
from twintrack.guardrails.gated_tool import GatedTool
from twintrack.guardrails.tools import ToolPolicy
from twintrack.nodes.diagnostician import Diagnostician, diagnose_logs
from twintrack.nodes.logs import diagnose, read_logs
from twintrack.nodes.state import NOTHING_RECALLED, Assignment, Step

SHOP = """2026-03-01 10:00:01 INFO web: started
2026-03-01 10:04:10,123 WARNING db: pool 90 percent full
2026-03-01 10:05:00 ERROR db: no connection after 3001 ms
2026-03-01 10:05:02 ERROR [web] request 17 failed
  Traceback (most recent call last):
2026-03-01 10:06:01 ERROR [web] request 18 failed
2026-03-01 10:06:02 ERROR [web] request 19 failed
2026-03-01 10:06:40 INFO web: health ok
"""
MAIL = '{"time": "2026-03-01T10:05:30Z", "level": "error", "service": "mail", "message": "queue stuck"}\nnot a line\n{bad\n'


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    (tmp_path / "shop.log").write_text(SHOP)
    (tmp_path / "mail.jsonl").write_text(MAIL)
    return [tmp_path / "mail.jsonl", tmp_path / "shop.log"]


def test_the_fault_is_where_the_first_error_is_and_the_rest_follows(files: list[Path]) -> None:
    found = diagnose(read_logs(files))
    assert found is not None
    assert (found.first.component, found.first.text) == ("db", "no connection after 3001 ms")
    assert [event.component for event in found.timeline] == ["db", "web", "mail"]
    assert [event.text for event in found.before] == ["pool 90 percent full"]
    assert (found.errors, found.worst[1]) == (5, 3)
    assert found.kinds[0] == ("web: request # failed", 3)


def test_logs_without_an_error_have_no_diagnosis(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("2026-03-01 10:00:01 INFO web: no ERROR here\n")
    assert diagnose(read_logs([tmp_path / "a.log"])) is None


async def said(files: list[Path], task: str) -> str:
    policy = ToolPolicy(allowed={"diagnostician": frozenset({"diagnose_logs"})})
    agent = Diagnostician(GatedTool(diagnose_logs(files), policy, agent="diagnostician"))
    step = Step(id="s1", agent="diagnostician", task=task, depends_on=[])
    return (await agent(Assignment(step=step, question=task, inputs=[], recalled=NOTHING_RECALLED), {})).text


async def test_the_report_is_in_the_language_of_the_task(files: list[Path]) -> None:
    english = await said(files, "What is wrong with the shop?")
    assert english.startswith("First error: 2026-03-01 10:05:00 db: no connection")
    assert "5 errors in all; most at 2026-03-01 10:05: 3 in a minute." in english
    chinese = await said(files, "商店的日志里出了什么问题？")
    assert chinese.startswith("最早的错误：2026-03-01 10:05:00 db: no connection")


async def test_a_component_can_be_looked_at_alone(files: list[Path]) -> None:
    report = await diagnose_logs(files).ainvoke({"contains": "mail"})
    assert report.startswith("First error: 2026-03-01 10:05:30 mail: queue stuck.")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.log"):
        read_logs([tmp_path / "gone.log"])
