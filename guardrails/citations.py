"""Rail that lets an answer out only when it cites, and its marks and citations match."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from twintrack.core.passages import Citation, Passage
from twintrack.guardrails.refusals import refusal
from twintrack.guardrails.verdict import FailureMode, Verdict

_MARKER = re.compile(r"\[(\d{1,3})\]")


@dataclass(frozen=True, slots=True)
class Citations:
    """Rail over an answer from documents and its citations, each checked before against its passage."""

    name: str = "citations"
    failure: FailureMode = "closed"

    def check(self, text: str, citations: Sequence[Citation], *, own: Iterable[str] = ()) -> Verdict:
        """Block an answer that cites nothing or whose marks do not match; `own` words may hold brackets."""
        if citation_problems(text, citations, own=own):
            return Verdict(self.name, "block", refusal("uncited", text))
        return Verdict(self.name)


def unresolved(citation: Citation, passage: Passage | None) -> str:
    """Return what is wrong with a citation beside the passage it names, or nothing."""
    if passage is None:
        return "names a passage that was not retrieved"
    if citation["document_id"] != passage["document_id"]:
        return "names another document than its passage"
    if not citation["quote"].strip():
        return "quotes nothing"
    start, end = citation["start"] - passage["start"], citation["end"] - passage["start"]
    if start < 0 or passage["text"][start:end] != citation["quote"]:
        return "quotes what does not stand at its place"
    return ""


def citation_problems(text: str, citations: Sequence[Citation], *, own: Iterable[str] = ()) -> list[str]:
    """Return what does not match between the marks of `text` and its citations, one sentence each.

    A quote may hold brackets of its own, and so may `own` texts: the user's words, or a computed value.
    """
    numbers = [citation["marker"] for citation in citations]
    for quote in sorted({*own, *(citation["quote"] for citation in citations)} - {""}, key=len, reverse=True):
        text = text.replace(quote, " ")
    said = {int(number) for number in _MARKER.findall(text)}
    problems = [] if citations else ["The answer cites nothing."]
    problems += [f"The marker [{number}] has no citation." for number in sorted(said - set(numbers))]
    problems += [f"Citation [{number}] is not in the text." for number in sorted(set(numbers) - said)]
    return problems + [
        f"Two citations are numbered [{number}]." for number in sorted({n for n in numbers if numbers.count(n) > 1})
    ]
