"""Tells what the user pointed at: results of calls made with his own words, and records that hold them."""

import re
from collections.abc import Collection, Iterator

from twintrack.core.simplified import simplified
from twintrack.guardrails.provenance import Result, Seen, addresses, folded, has_word, leaves, same
from twintrack.guardrails.records import Value, values_in

_ALL = frozenset({"all", "each", "every", "所有", "全部", "每个", "每位", "每一"})
_FOLLOWS = re.compile(
    r"\b(?:do|perform|follow|execute|complete|carry\s+out|take\s+care\s+of)\s+(?:(?!following\b|these\b)\w+\s+){0,2}(?:actions?|instructions?|tasks?|steps|to-?dos?)\b"
    r"|(?:按照?|根据|遵照|执行|完成).{0,20}(?:说明|指示|要求|步骤|任务|待办)",
    re.IGNORECASE,
)
_ACCOUNT = re.compile(r"(?<!\w)(?=\w*\d{6})[A-Za-z0-9]{8,}(?!\w)")
_TELLING_CHARS = 4


def is_pointed_at(result: Result, seen: Seen) -> bool:
    """Tell whether the user's own words chose what was read: all that the tool was asked with was said by him."""
    asked = [*leaves(dict(result.arguments))]
    return bool(asked) and all(map(seen.says, asked))


def points_to(value: str | int | float, places: Collection[str], seen: Seen) -> bool:
    """Tell whether the value is what the user pointed at: in a field of what he named, or the only one of its kind there.

    Where the user named such a value himself, none is missing, and none is taken from elsewhere.
    """
    fields = {place for place in places if "." in place}
    if any(same(value, one.text) for one in _fields(fields, seen)):
        return True
    kind, tools = _kind(str(value)), set(places) - fields
    if not kind or not tools or _of_kind(kind, seen.said):
        return False
    named = [result for result in seen.results if is_pointed_at(result, seen)]
    here = {one for result in named if result.tool in tools for one in _of_kind(kind, result.text)}
    everywhere = {one for result in named for one in _of_kind(kind, result.text)}
    # Reading all pages that are named there is what "all" may mean; whom to write to is not left open so.
    wanted = len(everywhere) == 1 or (kind == "link" and has_word(_ALL, seen.said))
    return wanted and folded(str(value)) in here


def delegates(words: Collection[str], seen: Seen) -> bool:
    """Tell whether the user said to do what something says, and what he pointed at asks for this."""
    if not _FOLLOWS.search(simplified(seen.said)):
        return False
    return any(has_word(words, result.text) for result in seen.results if is_pointed_at(result, seen))


def _fields(places: Collection[str], seen: Seen) -> Iterator[Value]:
    for result in seen.results:
        if not any(place.startswith(f"{result.tool}.") for place in places):
            continue
        named = is_pointed_at(result, seen)
        for one in values_in(result.text):
            if f"{result.tool}.{one.field}" in places and (named or any(_said(text, seen) for text in one.beside)):
                yield one


def _said(text: str, seen: Seen) -> bool:
    """Tell whether the user said a telling value of a record, however its number is written."""
    if len(text) < _TELLING_CHARS:
        return False
    try:
        return seen.says(float(text))
    except ValueError:
        return seen.says(text)


def _kind(value: str) -> str:
    if addresses(value) == [value]:
        return "mail" if "@" in value else "link"
    return "account" if _ACCOUNT.fullmatch(value) else ""


def _of_kind(kind: str, text: str) -> set[str]:
    if kind == "account":
        return {folded(one) for one in _ACCOUNT.findall(text)}
    return {folded(one) for one in addresses(text) if ("@" in one) == (kind == "mail")}
