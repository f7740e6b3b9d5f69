"""Turns a blocked question away before anything is stored: LangGraph keeps the raw input before the first node runs."""

from collections.abc import Iterator
from typing import Any

from langchain_core.messages import HumanMessage

from twintrack.guardrails import Masker, Policy, Verdict
from twintrack.nodes.admit import REFUSED, refusal_mark

_HUMAN = frozenset({"human", "user", "HumanMessage"})


def let_in(question: str, policy: Policy, masker: Masker) -> tuple[HumanMessage, dict[str, str]]:
    """Return the question masked, and what was; of a blocked one, only the notice that it was refused and why."""
    masked = masker.mask(question)
    verdict = _verdict(masked.text, policy)
    if verdict.blocked:
        return HumanMessage(REFUSED, additional_kwargs=refusal_mark(verdict)), {}
    return HumanMessage(masked.text), masked.found


def turn_away(body: Any, policy: Policy) -> bool:
    """Put the notice in place of each blocked question in a request's masked JSON; tell whether there was one."""
    return sum(_turned_away(given, policy) for given in _given(body)) > 0


def _given(body: Any) -> Iterator[dict[str, Any]]:
    """Yield what the requests of a body, or of a batch, would write into the state."""
    for request in body if isinstance(body, list) else [body]:
        if isinstance(request, dict):
            if isinstance(params := request.get("params"), dict):
                yield from _given(params)
            command = request.get("command")
            update = command.get("update") if isinstance(command, dict) else None
            written = (request.get("input"), request.get("values"), update)
            yield from (one for one in written if isinstance(one, dict) and "messages" in one)


def _turned_away(given: dict[str, Any], policy: Policy) -> bool:
    before = given["messages"] if isinstance(given["messages"], list) else [given["messages"]]
    after = [_judged(message, policy) for message in before]
    changed = any(new is not old for new, old in zip(after, before, strict=True))
    if changed:
        given["messages"] = after
    return changed


def _judged(message: Any, policy: Policy) -> Any:
    """Return the message, or the notice where it is a human's and blocked."""
    text = _said(message)
    verdict = _verdict(text, policy) if text is not None else None
    if verdict is None or not verdict.blocked:
        return message
    identity = {"id": message["id"]} if isinstance(message, dict) and isinstance(message.get("id"), str) else {}
    return {"type": "human", "content": REFUSED, "additional_kwargs": refusal_mark(verdict), **identity}


def _verdict(text: str, policy: Policy) -> Verdict:
    try:
        return policy.check_at_door(text)
    except Exception:  # noqa: BLE001 - a policy that breaks breaks in the graph again, which ends in a labelled answer
        return Verdict("door")


def _said(message: Any) -> str | None:
    """Return a human's words, in every shape LangChain takes for a message; None for anyone else's."""
    match message:
        case str():
            return message
        case [who, content]:
            pass
        case {"lc": _, "id": [*_, who], "kwargs": {"content": content}}:
            pass
        case {"role": who, "content": content} | {"type": who, "content": content}:
            pass
        case _:
            return None
    return _text(content) if isinstance(who, str) and who in _HUMAN else None


def _text(content: Any) -> str:
    blocks = content if isinstance(content, list) else [content]
    texts = [block.get("text") if isinstance(block, dict) else block for block in blocks]
    return "".join(text for text in texts if isinstance(text, str))
