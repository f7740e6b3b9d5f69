"""Reads what a call spent, and what it says of itself."""

import json
from typing import Any, NotRequired

from langchain_core.outputs import ChatGeneration, LLMResult
from typing_extensions import TypedDict


class Usage(TypedDict):
    """What one run has spent."""

    model_calls: int
    tool_calls: int
    input_tokens: int
    output_tokens: int
    seconds: float
    cost: NotRequired[float]
    """Of the calls whose model has a price; left out where no prices are set."""
    unpriced: NotRequired[list[str]]
    """Models without a price: no limit of money holds for them."""


def tokens_of(response: LLMResult) -> tuple[int, int]:
    """Return tokens read and written; choices of one prompt share one count."""
    read = written = 0
    for choices in response.generations:
        usage = (
            getattr(choices[0].message, "usage_metadata", None)
            if choices and isinstance(choices[0], ChatGeneration)
            else None
        )
        if usage:
            read += usage["input_tokens"]
            written += usage["output_tokens"]
    return read, written


def metadata_of(response: LLMResult) -> dict[str, Any]:
    """Return what the first answer says of itself."""
    first = next((choices[0] for choices in response.generations if choices), None)
    return first.message.response_metadata if isinstance(first, ChatGeneration) else {}


def canonical(arguments: Any) -> str:
    """Return arguments so that equal ones read the same."""
    return json.dumps(arguments, sort_keys=True, default=str, ensure_ascii=False)
