"""Turns simple questions about known columns into SQL, in English and Chinese."""

import re
from collections.abc import Sequence

from twintrack.core.simplified import simplified
from twintrack.guardrails.provenance import folded
from twintrack.nodes.tables import Table, quoted

_FUNCTIONS = {
    "avg": r"\b(average|mean|avg)\b|平均",
    "max": r"\b(max(imum)?|highest|largest|biggest|most expensive|latest)\b|最大|最高|最多|最晚",
    "min": r"\b(min(imum)?|lowest|smallest|cheapest|earliest)\b|最小|最低|最少|最早",
    "sum": r"\b(sum|total|altogether)\b|总和|总计|合计|总额|总共|一共|总",
    "count": r"\b(how many|count|number of)\b|多少(?:个|条|行|笔|次|人|家|种)|几(?:个|条|行|笔|次)|数量|个数",
}
_NUMERIC = re.compile(r"INT|DECIMAL|DOUBLE|FLOAT|REAL|NUMERIC")
_ORDERED = re.compile(r"INT|DECIMAL|DOUBLE|FLOAT|REAL|NUMERIC|DATE|TIME")
_GROUPS = ("by ", "per ", "for each ", "each ", "for every ", "按照", "按", "每个", "每一个", "每", "各个", "各")
_VALUE = r"(?:\s+(?:is|=|equals|named)\s+|\s*(?:是|为|等于|=)\s*)['\"“]?(?!多少|什么|几|哪)([^\s'\"”，。,?？的]+)"


def sql_for(question: str, tables: Sequence[Table]) -> str | None:
    """Return the SELECT that the question asks for, or None where its words name no table and no column."""
    said = folded(question)
    function = next((name for name, words in _FUNCTIONS.items() if _found(words, said)), None)
    ranked = sorted(tables, key=lambda table: -_named(table, said))
    if function is None or not ranked or not _named(ranked[0], said):
        return None
    return _select(function, ranked[0], said)


def _select(function: str, table: Table, said: str) -> str | None:
    group = next((name for name, _ in table.columns if _grouped(name, said)), None)
    wheres = [(name, value) for name, _ in table.columns if (value := _equal_to(name, said))]
    held = {group, *(name for name, _ in wheres)}
    fits = _NUMERIC if function in ("avg", "sum") else _ORDERED
    measured = [name for name, kind in table.columns if name not in held and fits.search(kind) and _says(name, said)]
    if function == "count":
        measure = "count(*)"
    elif measured:
        measure = f"{function}({quoted(measured[0])})"
    else:
        return None
    tests = " AND ".join(f"lower(CAST({quoted(name)} AS VARCHAR)) = {_literal(value)}" for name, value in wheres)
    keys = [quoted(group)] if group else []
    parts = [
        f"SELECT {', '.join([*keys, measure])} FROM {quoted(table.name)}",  # noqa: S608 - names and values are quoted
        *([f"WHERE {tests}"] if tests else []),
        *([f"GROUP BY {keys[0]} ORDER BY {keys[0]}"] if keys else []),
    ]
    return " ".join(parts)


def _named(table: Table, said: str) -> int:
    """Count what the question names of a table; its own name weighs most."""
    return 10 * _says(table.name, said) + sum(_says(name, said) for name, _ in table.columns)


def _says(name: str, said: str) -> bool:
    return _found(_pattern(name), said) is not None


def _grouped(name: str, said: str) -> bool:
    starts = "|".join(map(re.escape, _GROUPS))
    return _found(rf"(?:{starts}){_pattern(name)}", said) is not None


def _equal_to(name: str, said: str) -> str:
    """Return the value that the question wants of a column, as it is written there; empty where it wants none."""
    found = _found(_pattern(name) + _VALUE, said)
    return said[slice(*found.span(1))] if found else ""


def _found(pattern: str, said: str) -> re.Match[str] | None:
    return re.search(pattern, simplified(said))


def _pattern(name: str) -> str:
    words = re.escape(simplified(folded(name)).replace("_", " ")).replace(r"\ ", r"[\s_]+")
    return rf"(?<![a-z0-9]){words}s?(?![a-z0-9])"


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
