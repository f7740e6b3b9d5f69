"""Rail that lets an answer out only when every citation resolves to what was stored."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twintrack.core.passages import Citation, Passage
from twintrack.guardrails.refusals import refusal
from twintrack.guardrails.verdict import FailureMode, Verdict

_MARKER = re.compile(r"\[(\d{1,3})\]")


@dataclass(frozen=True, slots=True)
class Citations:
    """Rail over an answer, its citations and the passages it was made from."""

    name: str = "citations"
    failure: FailureMode = "closed"

    def check(
        self, text: str, citations: Sequence[Citation], passages: Mapping[str, Passage], *, required: bool = True
    ) -> Verdict:
        """Block an answer whose citations do not resolve; `required` is false for sums and for the user's own facts."""
        if citation_problems(text, citations, passages, required=required):
            return Verdict(self.name, "block", refusal("uncited", text))
        return Verdict(self.name)


def citation_problems(
    text: str, citations: Sequence[Citation], passages: Mapping[str, Passage], *, required: bool = True
) -> list[str]:
    """Return what is wrong with the citations of `text`, one sentence each; `passages` are by their id."""
    problems = [
        f"Citation [{citation['marker']}] {problem}."
        for citation in citations
        if (problem := _problem(citation, passages.get(citation["passage_id"])))
    ]
    if required and not citations:
        problems.append("The answer cites nothing.")
    return [*problems, *_marker_problems(text, citations)]


def _problem(citation: Citation, passage: Passage | None) -> str:
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


def _marker_problems(text: str, citations: Sequence[Citation]) -> list[str]:
    """Compare the markers in the text with the citations; a quote may hold brackets of its own."""
    numbers = [citation["marker"] for citation in citations]
    for quote in sorted((citation["quote"] for citation in citations), key=len, reverse=True):
        text = text.replace(quote, " ")
    said = {int(number) for number in _MARKER.findall(text)}
    problems = [f"The marker [{number}] has no citation." for number in sorted(said - set(numbers))]
    problems += [f"Citation [{number}] is not in the text." for number in sorted(set(numbers) - said)]
    return problems + [
        f"Two citations are numbered [{number}]." for number in sorted({n for n in numbers if numbers.count(n) > 1})
    ]
