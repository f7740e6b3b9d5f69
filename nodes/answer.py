"""Write the cited answer: from the passages by a model, or by quoting the best sentences."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from langchain_core.language_models import BaseChatModel

from twintrack.core.embeddings import Embedder
from twintrack.core.errors import TwintrackError
from twintrack.core.passages import Citation, Passage, cite
from twintrack.core.tokens import sentences
from twintrack.guardrails import Policy
from twintrack.nodes.abstain import abstained
from twintrack.nodes.answerable import Answerable
from twintrack.nodes.extract import best_sentence, extract
from twintrack.nodes.labels import also
from twintrack.nodes.prompts import answer_prompt, say
from twintrack.nodes.speak import Speaker
from twintrack.nodes.state import DirectState, Draft
from twintrack.nodes.structured import QUIET
from twintrack.nodes.support import supported

_MARK = re.compile(r"\[(\d{1,3})\]")
_NO_ANSWER = "NO ANSWER"
BearsOut = Callable[[str, str, str], bool]
"""Tells whether passages bear a sentence out: the sentence, the passages' text, the question."""
_ENDS = re.compile(r"[.!?\]\n。！？]")
"""What may end a sentence, so that not every token costs a look at the whole text."""


async def quote(
    state: DirectState, *, embedder: Embedder, answerable: Answerable | None = None, policy: Policy | None = None
) -> dict[str, Any]:
    """Answer with the best sentences of the passages, word for word; with a policy they are heard at once.

    Where no sentence can be the answer, abstain.
    """
    draft = await extract(state["query"], state["passages"], embedder=embedder, answerable=answerable)
    if draft["status"] == "answered" and policy is not None:
        _speaker(state, policy).say(draft["text"])
    return {"draft": draft}


async def answer(
    state: DirectState,
    *,
    model: BaseChatModel,
    embedder: Embedder,
    policy: Policy | None,
    max_tokens: int,
    answerable: Answerable | None = None,
) -> dict[str, Any]:
    """Have the model answer from the passages, shown in so many tokens; where it fails, quote them and say so.

    Without a policy nothing is heard yet: a judge comes first.
    """
    speaker = _speaker(state, policy) if policy is not None else None
    bears_out = cache(supported)  # what was spoken is not judged again with the whole
    try:
        text = await _written(state, model, speaker, max_tokens, bears_out)
    except TwintrackError as error:
        label = also(state, f"answered by quoting: {error.problem}")
        heard = speaker is not None and speaker.begun
        quoted = await quote(state, embedder=embedder, answerable=answerable, policy=None if heard else policy)
        return quoted | {"degraded": label}
    return {"draft": cited(state["question"], text, state["passages"], bears_out)}


def _speaker(state: DirectState, policy: Policy) -> Speaker:
    return Speaker(state["messages"], policy, [passage["text"] for passage in state["passages"]])


async def _written(
    state: DirectState, model: BaseChatModel, speaker: Speaker | None, max_tokens: int, bears_out: BearsOut
) -> str:
    """Return the model's text; its own tokens stay unheard, its cited sentences are spoken as they are finished."""
    text, spoken = "", 0
    async for chunk in model.astream(answer_prompt(state, max_tokens), QUIET):
        text += str(chunk.text)
        if speaker is not None and _ENDS.search(str(chunk.text)):
            spoken = _speak(state, _marked_sentences(text)[:-1], spoken, speaker, bears_out)
    if speaker is not None:
        _speak(state, _marked_sentences(text), spoken, speaker, bears_out)
    return text


def _speak(state: DirectState, pieces: Sequence[str], spoken: int, speaker: Speaker, bears_out: BearsOut) -> int:
    for piece in pieces[spoken:]:
        draft = cited(state["question"], piece, state["passages"], bears_out)
        if draft["status"] == "answered":
            speaker.say(draft["text"])
    return len(pieces)


def cited(question: str, text: str, passages: list[Passage], bears_out: BearsOut = supported) -> Draft:
    """Keep the sentences that name a passage and are borne out by it; every mark becomes a citation with its quote."""
    if not text.strip() or _NO_ANSWER in text:
        return abstained(question, passages, say("not there", question))
    kept: list[str] = []
    citations: dict[int, Citation] = {}
    for sentence in _marked_sentences(text):
        numbers = [int(mark) for mark in _MARK.findall(sentence) if 1 <= int(mark) <= len(passages)]
        told = "\n".join(f"{passages[number - 1]['title']}\n{passages[number - 1]['text']}" for number in numbers)
        if numbers and bears_out(sentence, told, question):
            for number in numbers:
                citations.setdefault(number, _citation(number, sentence, passages[number - 1]))
            kept.append(_MARK.sub(lambda mark, known=numbers: mark[0] if int(mark[1]) in known else "", sentence))  # type: ignore[misc]
    if not kept:
        return abstained(question, passages, say("no claim", question))
    return Draft(status="answered", text=" ".join(kept), citations=[citations[n] for n in sorted(citations)])


def _marked_sentences(text: str) -> list[str]:
    """Split so that marks stay with the sentence before them."""
    pieces: list[str] = []
    for span in sentences(text):
        rest = span.text.strip()
        while pieces and (mark := _MARK.match(rest)):
            pieces[-1] += mark.group()
            rest = rest[mark.end() :].lstrip()
        if rest:
            pieces.append(rest)
    return pieces


def _citation(number: int, claim: str, passage: Passage) -> Citation:
    span = best_sentence(_MARK.sub("", claim), passage)
    return cite(number, passage, span.start, span.text)
