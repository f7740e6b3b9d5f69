"""Plans without a model: a question's parts, each given to the agent whose description is nearest."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from twintrack.core.embeddings import Embedder
from twintrack.core.simplified import simplified
from twintrack.core.tokens import is_chinese
from twintrack.nodes.arithmetic import beside, expression_in
from twintrack.nodes.clauses import clauses, weight
from twintrack.nodes.comparisons import sides
from twintrack.nodes.state import Step

MAX_STEPS = 8
_COMPUTES = re.compile(r"arithmetic|calculat|comput|计算|运算", re.IGNORECASE)
_POINTS_BACK = re.compile(
    r"\b(?:it|its|they|them|their|he|him|his|she|her|those|these|both|the\s+(?:result|answer|former|latter)"
    r"|(?:that|this)(?=\W*$|\W|\s+(?:number|result|amount|value|figure|sum|year|country|person|city|place|one)\b))\b"
    r"|结果|它|其|他|她|该|前者|后者|两者|这[个些]|那[个些]",
    re.IGNORECASE,
)
_THEN = re.compile(r"^\W*(?:then|after\s+that|afterwards|finally)\b|^再|^然后", re.IGNORECASE)
_NUMBER_BEFORE = re.compile(
    r"\b(?:it|that|this|the\s+(?:result|answer|number|sum|product|total))\b|结果|这个数|它", re.IGNORECASE
)
_OPERATION_ON_FOUND = re.compile(
    r"(?P<asked>.*\D)(?P<operation>(?:\s(?:divided\s+by|multiplied\s+by|times|plus|minus)\s|除以|乘以|加上|减去)\s*-?[\d.,]+\s*%?)(?P<rest>\W*)$",
    re.IGNORECASE | re.DOTALL,
)
_LEFT_OUT = (
    (re.compile(r"\b(multiply|divide)\s+by\b", re.IGNORECASE), r"\1 it by"),
    (re.compile(r"\b(add\s+[\d.,]*\d%?)(?=\W*$)", re.IGNORECASE), r"\1 to it"),
    (re.compile(r"\b(subtract\s+[\d.,]*\d%?)(?=\W*$)", re.IGNORECASE), r"\1 from it"),
    (re.compile(r"^(\W*(?:再|然后)?\s*)(?=(?:乘以?|除以|加上?|减去?)\s*\d)"), r"\1结果"),
)
"""Orders that leave out the number found before, and how they read with it."""
_SHORT_ENGLISH, _SHORT_CHINESE = 3, 6
"""A later part of fewer meaning words is understood from the part before it."""


@dataclass(frozen=True, slots=True)
class AgentCard:
    """What a planner may know of an agent."""

    name: str
    description: str
    tools: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    text: str
    computes: bool
    points_back: bool


async def decompose(
    question: str, agents: Sequence[AgentCard], embedder: Embedder, *, max_steps: int = MAX_STEPS
) -> list[Step]:
    """Return the steps that answer `question`: at most `max_steps`, each depending on earlier ones only."""
    parts = _within(_parts(question), max_steps)
    names = await _assigned(parts, agents, embedder)
    steps: list[Step] = []
    for index, (part, name) in enumerate(zip(parts, names, strict=True)):
        before = _before(parts[:index], part)
        needs = [steps[before]["id"]] if before is not None and part.points_back else []
        leans = before is not None and not part.computes and (part.points_back or _short(part.text))
        task = f"{part.text} ({parts[before].text})" if leans and before is not None else part.text
        steps.append(Step(id=f"s{index + 1}", agent=name, task=task, depends_on=needs))
    return steps


def _before(parts: Sequence[_Part], part: _Part) -> int | None:
    """Return the place of the part that `part` is understood from: never a calculation, unless it goes on with one."""
    fitting = [place for place, one in enumerate(parts) if part.computes or not one.computes]
    return fitting[-1] if fitting else None


def _parts(question: str) -> list[_Part]:
    parts: list[_Part] = []
    for clause in clauses(question):
        asked = sides(clause)
        # The sides of a comparison are independent, whatever words they share.
        parts += [part for side in asked for part in _part(side, first=not parts or len(asked) > 1)]
    return parts


def _part(text: str, *, first: bool) -> list[_Part]:
    read = simplified(text)
    back = not first and (_POINTS_BACK.search(read) is not None or _THEN.match(read) is not None)
    if expression_in(text):
        more = weight(beside(text)) > (_SHORT_CHINESE if is_chinese(text) else _SHORT_ENGLISH)
        lookup = [_Part(text, computes=False, points_back=back)] if more else []
        return [*lookup, _Part(text, computes=True, points_back=False)]
    whole = _completed(text)
    if not first and expression_in(_NUMBER_BEFORE.sub("1", simplified(whole))):
        return [_Part(whole, computes=True, points_back=True)]
    if found := _OPERATION_ON_FOUND.match(read):
        operation = f"that {found['operation'].strip()}{found['rest']}"
        return [_Part(text[: found.end("asked")].strip(), False, back), _Part(operation, True, True)]
    return [_Part(text, computes=False, points_back=back)]


def _completed(text: str) -> str:
    for order, whole in _LEFT_OUT:
        completed, count = order.subn(whole, simplified(text))
        text = completed if count else text
    return text


def _short(text: str) -> bool:
    return weight(text) < (_SHORT_CHINESE if is_chinese(text) else _SHORT_ENGLISH)


def _within(parts: list[_Part], limit: int) -> list[_Part]:
    """Join the parts beyond the limit into the last one, so that none is lost."""
    if len(parts) <= limit:
        return parts
    last = "; ".join(part.text for part in parts[limit - 1 :])
    return [*parts[: limit - 1], _Part(last, False, any(part.points_back for part in parts[limit - 1 :]))]


async def _assigned(parts: Sequence[_Part], agents: Sequence[AgentCard], embedder: Embedder) -> list[str]:
    calculators = [card for card in agents if _COMPUTES.search(simplified(f"{card.name} {card.description}"))]
    others = [card for card in agents if card not in calculators] or list(agents)
    # A number in the wording draws a look-up to the calculator: only what can be computed goes there.
    return [await _nearest(part.text, (calculators or others) if part.computes else others, embedder) for part in parts]


async def _nearest(text: str, cards: Sequence[AgentCard], embedder: Embedder) -> str:
    if len(cards) == 1:
        return cards[0].name
    described = await embedder.embed([card.description for card in cards])
    return cards[int(np.argmax(described @ await embedder.embed_one(text)))].name
