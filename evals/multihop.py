"""Judges whether the team's fan-out finds every passage that a question of several hops rests on."""

import hashlib
import json
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig

from twintrack.core.context import Context, Identity
from twintrack.core.corpus import Corpus
from twintrack.core.embeddings import Embedder
from twintrack.core.passages import Passage, cite
from twintrack.evals.rows import Row, Tick, question_of
from twintrack.graphs import team
from twintrack.graphs.agents import table
from twintrack.graphs.resources import Resources
from twintrack.nodes.leads import followed
from twintrack.nodes.plan import Planned, Planner
from twintrack.nodes.state import Assignment, Step, StepResult, TeamState
from twintrack.nodes.work import Finding

WHO = Identity("eval")
PER_HOP = 3
"""Passages that one hop may look at."""
ONE_QUERY = 10
_EARLIER = re.compile(r"#(\d+)")
_HOP = "researcher"
_TEXTS = ("paragraph_text", "text", "content", "body", "passage")


class Hop:
    """Does the researcher's look-up of one step; what it answers is given, so that planning and search are judged.

    Where the hops are not known it also follows the names it finds, as the researcher does without a model.
    """

    def __init__(self, corpus: Corpus, embedder: Embedder, answers: Sequence[str] = ()) -> None:
        self._corpus = corpus
        self._embedder = embedder
        self._answers = answers

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        """Return the step's gold answer, with all passages that were looked at."""
        del config
        step = assignment["step"]
        task = _filled(step["task"], {one["step_id"]: one["text"] for one in assignment["inputs"]})
        found = await self._look_up(task)
        if not self._answers:
            leads = await followed(task, found, partial(self._look_up, beside=found))
            found = [*found, *(one for lead in leads for one in lead.found)]
        citations = [cite(number, one, 0, one["text"]) for number, one in enumerate(found, 1)]
        return Finding(self._answers[int(step["id"]) - 1] if self._answers else task, citations)

    async def _look_up(self, query: str, beside: Sequence[Passage] = ()) -> list[Passage]:
        """Return the first passages that are not known yet."""
        vector, known = await self._embedder.embed_one(query), {one["id"] for one in beside}
        found = await self._corpus.search(query, vector, identity=WHO, limit=PER_HOP + len(known))
        return [one for one in found if one["id"] not in known][:PER_HOP]


async def run(resources: Resources, rows: Sequence[Row], *, tick: Tick | None = None) -> dict[str, Any]:
    """Answer every row's hops by its gold decomposition, by the product's own, and by one query."""
    held: dict[str, list[bool]] = {"gold": [], "own": [], "one": []}
    hops = seen = 0
    for number, row in enumerate(rows, 1):
        gold = supports(row)
        answers = [str(part.get("answer", "")) for part in row["question_decomposition"]]
        by_gold = await _results(resources, row, Hop(resources.corpus, resources.embedder, answers), gold_planner(row))
        by_own = await _results(resources, row, Hop(resources.corpus, resources.embedder), None)
        hops += len(by_own)
        held["gold"].append(gold <= _looked_at(by_gold))
        held["own"].append(gold <= (own := _looked_at(by_own)))
        seen += len(own)
        held["one"].append(gold <= await _by_one_query(resources, question_of(row)))
        if tick:
            tick(number, len(rows), question_of(row))
    share = {name: round(sum(found) / len(rows), 4) for name, found in held.items()}
    planner = resources.models.chat("planner")
    return {
        "questions": len(rows),
        "all_supports_gold_decomposition": share["gold"],
        "all_supports_own_decomposition": share["own"],
        f"all_supports_one_query@{ONE_QUERY}": share["one"],
        "own_decomposition_by": "model" if planner else "rules",
        "own_steps_mean": round(hops / len(rows), 2),
        "own_passages_mean": round(seen / len(rows), 2),
        "passages_per_hop": PER_HOP,
    }


def gold_planner(row: Row) -> Planner:
    """Return the planner that knows the row's decomposition: `#2` waits for the second step."""

    async def planner(_: TeamState) -> Planned:
        return Planned(
            [
                Step(
                    id=str(number),
                    agent=_HOP,
                    task=str(part.get("question", "")),
                    depends_on=_EARLIER.findall(str(part.get("question", ""))),
                )
                for number, part in enumerate(row["question_decomposition"], 1)
            ]
        )

    return planner


def supports(row: Row) -> set[str]:
    """Return the ids of the documents that the row's hops rest on."""
    by_place = {part.get("idx", place): part for place, part in enumerate(row["paragraphs"])}
    return {document_id(by_place[part["paragraph_support_idx"]]) for part in row["question_decomposition"]}


def document_id(paragraph: Row) -> str:
    """Return one id for equal paragraphs of several rows."""
    said = f"{paragraph.get('title', '')}\n{text_of(paragraph)}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def text_of(paragraph: Row) -> str:
    """Return what a paragraph says."""
    return str(next((paragraph[name] for name in _TEXTS if paragraph.get(name)), ""))


def write_paragraphs(rows: Sequence[Row], file: Path) -> None:
    """Write all rows' paragraphs as one corpus, each once."""
    paragraphs = {document_id(one): one for row in rows for one in row["paragraphs"]}
    lines = (
        json.dumps({"id": name, "title": one.get("title", ""), "text": text_of(one)}, ensure_ascii=False)
        for name, one in paragraphs.items()
        if text_of(one)
    )
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


async def _results(resources: Resources, row: Row, hop: Hop, planner: Planner | None) -> list[StepResult]:
    rows = [spec for spec in table(resources) if spec.name == _HOP]
    graph = team.build(resources, rows, planner=planner, agents={_HOP: hop}).compile()
    question = question_of(row)
    given = TeamState(messages=[HumanMessage(question)], question=question)
    state = await graph.ainvoke(given, context=Context(tenant_id=WHO.tenant_id, user_id=WHO.user_id))
    found: list[StepResult] = state["steps"]
    return found


async def _by_one_query(resources: Resources, question: str) -> set[str]:
    vector = await resources.embedder.embed_one(question)
    found = await resources.corpus.search(question, vector, identity=WHO, limit=ONE_QUERY)
    return {one["document_id"] for one in found}


def _looked_at(steps: Sequence[StepResult]) -> set[str]:
    return {citation["document_id"] for step in steps for citation in step["citations"]}


def _filled(task: str, known: dict[str, str]) -> str:
    return _EARLIER.sub(lambda found: known.get(found[1], found[0]), task)
