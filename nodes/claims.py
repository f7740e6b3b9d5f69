"""What a text claims: its sentences with their marks, and the numbers it states."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from twintrack.core.passages import Citation
from twintrack.core.tokens import sentences

_MARK = re.compile(r"\[(\d{1,3})\]")
_MARKS = re.compile(r"(?:\s*\[\d{1,3}\])+")
_STOP = re.compile(r"[.,;!?。，；！？]+")
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?", re.ASCII)


def claims(text: str) -> list[str]:
    """Return the sentences of one line; marks stay with the sentence before them."""
    pieces: list[str] = []
    for span in sentences(text):
        rest = span.text.strip()
        if pieces and (marks := _MARKS.match(rest)):
            gap = " " if text[span.start - 1].isspace() else ""
            pieces[-1] += gap + marks.group()
            rest = rest[marks.end() :].lstrip()
        if rest:
            pieces.append(rest)
    return pieces


def marks(text: str, quotes: Iterable[str] = ()) -> list[re.Match[str]]:
    """Return the marks of a text; what looks like one inside a quote is none."""
    for quote in sorted(filter(None, quotes), key=len, reverse=True):
        text = text.replace(quote, "\0" * len(quote))
    return list(_MARK.finditer(text))


def renumbered(text: str, new: Mapping[int, int], quotes: Iterable[str] = ()) -> str:
    """Return the text with its marks renamed."""
    for mark in reversed(marks(text, quotes)):
        text = f"{text[: mark.start()]}[{new.get(int(mark[1]), int(mark[1]))}]{text[mark.end() :]}"
    return text


def without(text: str, bad: Collection[int], quotes: Iterable[str] = ()) -> str:
    """Return the text without the bad marks, and without what only they vouch for."""
    kept, start = "", 0
    for group in _groups(text, marks(text, quotes)):
        said = text[start : group[0].start()]
        good = "".join(mark[0] for mark in group if int(mark[1]) not in bad)
        if not good:
            # What the marks stood for begins after the marks before it, or on a line of its own.
            said = said[: said.rfind("\n") + 1]
        kept += f"{said}{good}"
        start = group[-1].end()
        if not good and (stop := _STOP.match(text, start)):
            start = stop.end()
    return re.sub(r"\n{3,}", "\n\n", kept + text[start:]).strip()


@dataclass(frozen=True, slots=True)
class Claim:
    """What a group of marks vouches for."""

    text: str
    markers: tuple[int, ...]
    start: int
    end: int
    """Where it stands in the answer, its marks and their full stop included."""
    verbatim: bool
    """Whether it is nothing but the quote of one of its citations."""


def cited_claims(text: str, citations: Iterable[Citation]) -> list[Claim]:
    """Return the sentence, or the quote, before each group of marks."""
    quotes: dict[int, str] = {citation["marker"]: citation["quote"] for citation in citations}
    found: list[Claim] = []
    start = 0
    for group in _groups(text, marks(text, quotes.values())):
        markers = tuple(dict.fromkeys(int(mark[1]) for mark in group))
        said = text[start : group[0].start()].rstrip()
        own = next((quotes[one] for one in markers if one in quotes and said.endswith(quotes[one])), None)
        spoken = own if own is not None else _last_sentence(said)
        stop = _STOP.match(text, group[-1].end())
        end = stop.end() if stop else group[-1].end()
        found.append(Claim(spoken, markers, start + len(said) - len(spoken), end, own is not None))
        start = end
    return found


def without_claims(text: str, bad: Iterable[Claim]) -> str:
    """Return the text without some of its claims."""
    for claim in sorted(bad, key=lambda one: -one.start):
        text = text[: claim.start].rstrip(" ") + text[claim.end :]
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _last_sentence(said: str) -> str:
    line = said[said.rfind("\n") + 1 :]
    whole = claims(line)
    return whole[-1] if whole and line.endswith(whole[-1]) else line.strip()


def _groups(text: str, found: Iterable[re.Match[str]]) -> list[list[re.Match[str]]]:
    """Put marks that follow each other together."""
    groups: list[list[re.Match[str]]] = []
    for mark in found:
        if groups and not text[groups[-1][-1].end() : mark.start()].strip():
            groups[-1].append(mark)
        else:
            groups.append([mark])
    return groups


def numbers(text: str) -> set[Decimal]:
    """Return the numbers a text states, marks left out."""
    return {Decimal(found.replace(",", "")) for found in _NUMBER.findall(_MARK.sub(" ", text))}


def agree(stated: Decimal, known: Collection[Decimal]) -> bool:
    """Tell whether a number is one of those known, or one of them rounded."""
    exponent = stated.as_tuple().exponent
    half = Decimal(5).scaleb(int(exponent) - 1)
    return any(abs(one - stated) <= half for one in known)
