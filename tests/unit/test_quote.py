"""The extractive answer: quoted where a sentence can be the answer, else withheld with what was looked at."""

from typing import Any

import numpy as np

from twintrack.core.passages import Passage
from twintrack.nodes.answer import quote
from twintrack.nodes.release import release


class Apart:
    """Finds no two texts alike."""

    name, dims = "test:apart", 8

    async def embed(self, texts: Any) -> Any:
        return np.array([np.eye(8, dtype=np.float32)[hash(text) % 8] for text in texts])

    async def embed_one(self, text: str) -> Any:
        return (await self.embed([text]))[0] * 0


TEXT = "The lighthouse of Lindwick is 41 metres tall."
PASSAGE = Passage(id="p", document_id="d", title="Harbour", source="h.md", text=TEXT, start=0, score=1.0)


def state(**more: Any) -> Any:
    question = "Which opera did the mayor of Vienna forbid in 1805?"
    return {"messages": [], "question": question, "query": question, "passages": [PASSAGE], **more}


async def test_where_no_sentence_answers_it_abstains_and_says_what_it_looked_at() -> None:
    draft = (await quote(state(tried=["direct"]), embedder=Apart()))["draft"]
    assert (draft["status"], draft["reason"]) == ("abstained", "looked at: Harbour")


async def test_an_answer_that_never_came_says_why_and_what_was_looked_at() -> None:
    class Lenient:
        def check_output(self, text: str, *, sources: Any) -> Any:
            return type("Verdict", (), {"blocked": False, "text": None})()

    policy: Any = Lenient()
    released = await release(state(draft=None, failure="no agent had a result"), {}, policy=policy)
    assert released["answer"]["status"] == "abstained"
    assert released["answer"]["reason"] == "no agent had a result; looked at: Harbour"
