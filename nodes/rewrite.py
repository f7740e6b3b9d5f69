"""Make a follow-up question stand on its own, so that it can be searched for."""

import re
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage

from twintrack.core.errors import TwintrackError
from twintrack.core.simplified import simplified
from twintrack.nodes.admit import REFUSED
from twintrack.nodes.labels import also
from twintrack.nodes.prompts import rewrite_prompt
from twintrack.nodes.state import DirectState
from twintrack.nodes.structured import QUIET

_POINTS_BACK = re.compile(
    r"\b(it|its|that|this|they|them|their|those|these|he|she|his|her|there|one|same)\b|^(and|what about|how about|why)\b"
    r"|它|他|她|那个|这个|该|其|上述|^那|呢[？?]?$",
    re.IGNORECASE,
)
_SHORT = 60
"""Characters under which a question that points back cannot stand alone."""


async def rewrite(state: DirectState, *, model: BaseChatModel | None) -> dict[str, Any]:
    """Give the question as searched for; a follow-up takes in the question before it."""
    question, earlier = state["question"], _questions(state)[:-1]
    if not earlier or not (len(question) < _SHORT and _POINTS_BACK.search(simplified(question))):
        return {"query": question}
    if model is None:
        return {"query": f"{earlier[-1]} {question}"}
    try:
        reply = await model.ainvoke(rewrite_prompt(earlier[-4:], question), QUIET)
    except TwintrackError as error:
        label = also(state, f"searched without rewriting the question: {error.problem}")
        return {"query": f"{earlier[-1]} {question}", "degraded": label}
    return {"query": str(reply.text).strip() or question}


def _questions(state: DirectState) -> list[str]:
    said = [str(message.text) for message in state["messages"] if isinstance(message, HumanMessage)]
    return [text for text in said if text != REFUSED]
