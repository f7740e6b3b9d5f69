"""The wire format of chat completions and embeddings, as far as the stub server speaks it."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal

Calls = Sequence[tuple[str, dict[str, Any]]]
Cut = Literal["", "abrupt", "quiet"]


def completion(text: str, calls: Calls, request: dict[str, Any]) -> bytes:
    """Return a whole answer."""
    message = {"role": "assistant", "content": text or None, **({"tool_calls": _calls(calls)} if calls else {})}
    choice = {"index": 0, "message": message, "finish_reason": _reason(calls)}
    return _json({**_frame(request, "chat.completion"), "choices": [choice], "usage": usage(text, request)})


def events(text: str, calls: Calls, request: dict[str, Any], *, cut: Cut = "") -> Iterator[bytes]:
    """Yield a streamed answer event by event; a cut one stops half way."""
    deltas = [{"role": "assistant", "content": ""}, *({"content": word} for word in re.findall(r"\s*\S+|\s+$", text))]
    deltas += [{"tool_calls": [{**call, "index": index}]} for index, call in enumerate(_calls(calls))]
    if cut:
        yield from (_event(request, delta) for delta in deltas[: 1 + len(deltas) // 2])
        return
    yield from (_event(request, delta) for delta in deltas)
    yield _event(request, {}, _reason(calls))
    if (request.get("stream_options") or {}).get("include_usage"):
        frame = _frame(request, "chat.completion.chunk")
        yield b"data: " + _json({**frame, "choices": [], "usage": usage(text, request)}) + b"\n\n"
    yield b"data: [DONE]\n\n"


def embeddings(vectors: Sequence[Sequence[float]], request: dict[str, Any]) -> bytes:
    """Return the vectors of a request for embeddings."""
    data = [{"object": "embedding", "index": at, "embedding": [*vector]} for at, vector in enumerate(vectors)]
    spent = {"prompt_tokens": 1, "total_tokens": 1}
    return _json({"object": "list", "data": data, "model": request.get("model", "stub"), "usage": spent})


def usage(text: str, request: dict[str, Any]) -> dict[str, int]:
    """Count words where a model would count tokens."""
    asked = sum(len(str(message.get("content") or "").split()) for message in request.get("messages", []))
    said = len(text.split()) or 1
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def _event(request: dict[str, Any], delta: dict[str, Any], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return b"data: " + _json({**_frame(request, "chat.completion.chunk"), "choices": [choice]}) + b"\n\n"


def _calls(calls: Calls) -> list[dict[str, Any]]:
    return [
        {"id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for index, (name, arguments) in enumerate(calls)
    ]


def _reason(calls: Calls) -> str:
    return "tool_calls" if calls else "stop"


def _frame(request: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "stub", "object": kind, "created": 0, "model": request.get("model", "stub")}


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
