"""Judges answers through the whole product: are they right, cited, resolvable, quick, and withheld where they must be."""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from twintrack.app.answer import Answer, Cited
from twintrack.app.application import App
from twintrack.core.context import Identity
from twintrack.core.passages import Passage
from twintrack.evals.answer_scores import class_f1, exact, f1, holds
from twintrack.evals.rows import Row, Tick, gold_answers, gold_documents, is_unanswerable, question_of

TENANT = "eval"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question."""

    row: Row
    answer: Answer
    stored: list[Passage | None]
    """The passage each citation names, as it is stored."""
    ms: float

    @property
    def abstained(self) -> bool:
        """Tell whether the answer was withheld."""
        return self.answer.status != "answered"

    @property
    def answerable(self) -> bool:
        """Tell whether the documents hold an answer."""
        return not is_unanswerable(self.row)

    @property
    def gold(self) -> list[str]:
        """Return the gold answers."""
        return gold_answers(self.row)


async def run(app: App, rows: Sequence[Row], *, tick: Tick | None = None) -> dict[str, Any]:
    """Ask every row's question, each as a new user in a new conversation, and return the figures."""
    await app.ask("Hello", thread_id="eval-warm", user_id="warm", tenant_id=TENANT)
    await _forget(app, "eval-warm", "warm")
    outcomes = []
    for number, row in enumerate(rows):
        outcomes.append(await _ask(app, number, row))
        if tick:
            tick(number + 1, len(rows), question_of(row))
    return figures(outcomes)


async def _ask(app: App, number: int, row: Row) -> Outcome:
    thread, user = f"eval-{number}", f"user-{number}"
    began = time.perf_counter()
    answer = await app.ask(question_of(row), thread_id=thread, user_id=user, tenant_id=TENANT)
    took = (time.perf_counter() - began) * 1000
    identity = Identity(TENANT, user)
    stored = [await app.corpus.passage(citation.passage_id, identity=identity) for citation in answer.citations]
    await _forget(app, thread, user)
    return Outcome(row, answer, stored, took)


async def _forget(app: App, thread: str, user: str) -> None:
    """Leave nothing of the question behind."""
    if isinstance(app.graph.checkpointer, BaseCheckpointSaver):
        await app.graph.checkpointer.adelete_thread(thread)
    await app.memory.erase(Identity(TENANT, user))


def figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the figures."""
    citations = [pair for outcome in outcomes for pair in zip(outcome.answer.citations, outcome.stored, strict=True)]
    answerable = [outcome for outcome in outcomes if outcome.answerable]
    cited = [(citation, outcome) for outcome in outcomes for citation in outcome.answer.citations]
    return {
        "questions": len(outcomes),
        "answerable": len(answerable),
        "exact_match": _mean(_right(outcome, exact) for outcome in outcomes),
        "f1": _mean(_right(outcome, f1) for outcome in outcomes),
        "holds_answer": _mean(_quotes_hold(outcome) for outcome in answerable),
        "citation_precision": _mean(_supports(citation, outcome) for citation, outcome in cited),
        "citation_recall": _mean(any(_supports(c, o) for c in o.answer.citations) for o in answerable),
        "citations_resolve": _mean(resolves(citation, stored) for citation, stored in citations),
        "abstention_f1": _round(class_f1([o.abstained for o in outcomes], [not o.answerable for o in outcomes])),
        "answer_ms": _spread(outcome.ms for outcome in outcomes),
        "ttft_ms": _spread(_ms(outcome.answer.usage.first_token_seconds) for outcome in outcomes),
        "ttlt_ms": _spread(_ms(outcome.answer.usage.last_token_seconds) for outcome in outcomes),
        "status": dict(Counter(outcome.answer.status for outcome in outcomes)),
        "route": dict(Counter(outcome.answer.route for outcome in outcomes)),
        "degraded": sum(outcome.answer.degraded for outcome in outcomes),
    }


def resolves(citation: Cited, stored: Passage | None) -> bool:
    """Tell whether the stored passage holds the quote at the very place the citation says."""
    if stored is None or not citation.quote or stored["document_id"] != citation.document_id:
        return False
    start, end = citation.start - stored["start"], citation.end - stored["start"]
    return start >= 0 and stored["text"][start:end] == citation.quote


def _right(outcome: Outcome, score: Callable[[str, Sequence[str]], float]) -> float:
    if outcome.abstained or not outcome.answerable:
        return float(outcome.abstained and not outcome.answerable)
    return score(outcome.answer.text, outcome.gold)


def _quotes_hold(outcome: Outcome) -> bool:
    return any(holds(citation.quote, outcome.gold) for citation in outcome.answer.citations)


def _supports(citation: Cited, outcome: Outcome) -> bool:
    """Tell whether the citation names a gold document; where none is known, whether its quote holds the answer."""
    if documents := gold_documents(outcome.row):
        return outcome.answerable and citation.document_id in documents
    return holds(citation.quote, outcome.gold)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _spread(values: Iterable[float | None]) -> dict[str, float]:
    """Return the median and the 95th percentile of the times that are known."""
    times = sorted(value for value in values if value is not None)
    return {"p50": _round(statistics.median(times)), "p95": _round(times[int(len(times) * 0.95)])} if times else {}


def _mean(values: Any) -> float:
    found = [float(value) for value in values]
    return _round(sum(found) / len(found)) if found else 0.0


def _round(value: float) -> float:
    return round(value, 4)
