"""Says what a row lacks for the eval it is given to."""

from typing import Any

from twintrack.evals.rows import Row, question_of

_HOPS = ("paragraphs", "question_decomposition")


def asks(row: Row) -> str:
    """Want a question."""
    return "" if question_of(row) else 'a "question"'


def says(row: Row) -> str:
    """Want a question, or a text that is one."""
    return "" if question_of(row) or _text(row) else 'a "question" or a "text"'


def is_routed(row: Row) -> str:
    """Want a text and whether it is simple or complex."""
    known = row.get("label") in ("simple", "complex")
    return _missing({"text": _text(row)}) or ("" if known else 'a "label" of simple or complex')


def is_judged(row: Row) -> str:
    """Want a text and whether it is an attack (1) or harmless (0)."""
    known = row.get("label") in (0, 1, "0", "1")
    return "" if isinstance(row.get("text"), str) and known else 'a "text" or a "label" of 1 (attack) or 0'


def is_turn(row: Row) -> str:
    """Want a turn of a conversation."""
    return _missing({name: str(row.get(name) or "") for name in ("conv", "dia_id", "text")})


def asks_memory(row: Row) -> str:
    """Want a question about a conversation, or about a preference."""
    if row.get("preference"):
        return asks(row)
    return asks(row) or ('the "conv" its evidence is in' if row.get("evidence") and not row.get("conv") else "")


def has_hops(row: Row) -> str:
    """Want a question with its paragraphs, and its hops, each with the place of the paragraph it rests on."""
    if lacking := asks(row) or next((f'"{name}"' for name in _HOPS if not _objects(row.get(name))), ""):
        return lacking
    places = {part.get("idx", place) for place, part in enumerate(row["paragraphs"])}
    wanted = (part.get("paragraph_support_idx") for part in row["question_decomposition"])
    return "" if all(one in places for one in wanted) else 'the paragraph that a "paragraph_support_idx" names'


def _objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _text(row: Row) -> str:
    return row["text"] if isinstance(row.get("text"), str) else ""


def _missing(given: dict[str, str]) -> str:
    names = [name for name, value in given.items() if not value.strip()]
    return f'"{names[0]}"' if names else ""
