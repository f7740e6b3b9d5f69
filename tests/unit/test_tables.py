import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import PATIENCE_S
from twintrack.core.errors import InputError, SettingsError, Unavailable
from twintrack.guardrails.gated_tool import GatedTool
from twintrack.guardrails.tools import ToolAnnotations, ToolPolicy
from twintrack.nodes import tables as limits
from twintrack.nodes.analyse import Analyst, query_tables
from twintrack.nodes.state import NOTHING_RECALLED, Assignment, Step
from twintrack.nodes.tables import Tables

pytest.importorskip("duckdb")

SALES = "region,product,amount,sold_on\nNorth,pen,10.5,2026-01-02\nSouth,pen,20,2026-02-03\nNorth,ink,5,2026-03-04\n"
ORDERS = "城市,金额\n北京,100\n上海,50\n北京,30\n"


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Tables]:
    (tmp_path / "sales.csv").write_text(SALES)
    (tmp_path / "订单.csv").write_text(ORDERS)
    opened = Tables([tmp_path / "sales.csv", tmp_path / "订单.csv"])
    yield opened
    opened.close()


async def ask(tables: Tables, question: str) -> str:
    policy = ToolPolicy(
        allowed={"analyst": frozenset({"query_tables"})}, annotations={"query_tables": ToolAnnotations(read_only=True)}
    )
    analyst = Analyst(GatedTool(query_tables(tables), policy, agent="analyst"), tables)
    step = Step(id="s1", agent="analyst", task=question, depends_on=[])
    assignment = Assignment(step=step, question=question, inputs=[], recalled=NOTHING_RECALLED)
    return (await analyst(assignment, {})).text.split(" (SELECT")[0]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How many sales are there?", "3"),
        ("What is the total amount of sales?", "35.5"),
        ("What is the average amount where product is pen?", "15.25"),
        ("What is the highest amount by region?", "North: 10.5; South: 20.0"),
        ("How many sales per product?", "ink: 1; pen: 2"),
        ("What is the earliest sold on in sales?", "2026-01-02"),
        ("订单的总金额是多少？", "180"),
        ("每个城市的平均金额是多少？", "上海: 50.0; 北京: 65.0"),
        ("城市是北京的订单有多少条？", "2"),
        ("最大的金额是多少？", "100"),
        ("What is the capital of France?", ""),
        ("What is the average weight of sales?", ""),
        ("What is the total product of sales?", ""),
    ],
)
async def test_simple_questions_are_answered_without_a_model(tables: Tables, question: str, answer: str) -> None:
    assert await ask(tables, question) == answer


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE sales",
        "INSERT INTO sales VALUES ('x','y',1,NULL)",
        "SELECT 1; DROP TABLE sales",
        "SELECT * FROM read_csv_auto('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/*')",
        "COPY sales TO '/tmp/out.csv'",
        "ATTACH '/tmp/x.db'",
        "SET enable_external_access=true",
        "PRAGMA enable_external_access=true",
        "INSTALL httpfs",
        "SELECT * FROM 'https://example.com/x.csv'",
        "SELECT nothing FROM sales",
        "not sql",
    ],
)
async def test_nothing_can_be_changed_or_reached(tables: Tables, sql: str) -> None:
    with pytest.raises(InputError):
        await tables.query(sql)
    assert (await tables.query("SELECT count(*) FROM sales"))[1] == [(3,)]


async def test_a_query_that_takes_too_long_or_too_much_is_ended(tables: Tables, tmp_path: Path) -> None:
    tables = Tables([tmp_path / "sales.csv"], seconds=1.5)
    endless = "SELECT count(*) FROM range(1000000000000) a, range(1000000) b"
    with pytest.raises(Unavailable, match="too long"):
        await asyncio.wait_for(tables.query(endless), PATIENCE_S)
    assert (await tables.query("SELECT 1"))[1] == [(1,)]


async def test_many_rows_are_cut(tables: Tables) -> None:
    tool: Any = query_tables(tables)
    said = await tool.ainvoke({"sql": "SELECT * FROM range(1000)"})
    assert said.endswith("(more rows are not shown)")
    assert len(said.splitlines()) == limits.ROWS + 2


def test_a_file_that_is_no_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("no")
    with pytest.raises(SettingsError, match=r"x\.parquet"):
        Tables([tmp_path / "x.parquet"])
