"""The analyst: answers questions about the user's tables, by SQL that can only read."""

import re
from dataclasses import dataclass
from typing import Annotated

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from twintrack.guardrails.gated_tool import GatedTool
from twintrack.nodes.state import Assignment
from twintrack.nodes.table_question import sql_for
from twintrack.nodes.tables import Tables, shown
from twintrack.nodes.work import Finding


class QueryArguments(BaseModel):
    """What `query_tables` takes."""

    model_config = ConfigDict(extra="forbid")
    sql: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)] = Field(
        description="One SELECT statement, in DuckDB's SQL."
    )


def query_tables(tables: Tables) -> BaseTool:
    """Return the tool that runs one SELECT over the tables."""

    async def run(sql: str) -> str:
        return shown(*await tables.query(sql))

    known = "; ".join(table.described for table in tables.tables)
    return StructuredTool.from_function(
        coroutine=run,
        name="query_tables",
        description=f"Run one SELECT over the tables: {known}",
        args_schema=QueryArguments,
    )


def purpose_of(tables: Tables) -> str:
    """Return what a planner reads to choose the analyst."""
    known = "; ".join(f"{table.name} ({', '.join(name for name, _ in table.columns[:20])})" for table in tables.tables)
    return f"Answers questions about the rows of the data tables 查询数据表: {known}"


@dataclass(frozen=True, slots=True)
class Analyst:
    """Reads a simple question over the known columns and runs it."""

    query: GatedTool
    tables: Tables

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        """Return what was found, with the SQL that found it."""
        sql = sql_for(assignment["step"]["task"], self.tables.tables)
        if sql is None:
            return Finding("", answered=False)
        lines = (await self.query({"sql": sql}, config)).text.splitlines()
        rows = lines[1:]
        if not rows or rows == ["None"]:
            return Finding("", answered=False)
        return Finding(f"{'; '.join(re.sub(r' [|] ', ': ', row) for row in rows)} ({sql})")
