"""What must hold of every conversation with a model: each tool call has its one answer, at once after it."""

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage


def whole(messages: Sequence[BaseMessage]) -> bool:
    """Tell whether each tool call is answered once, at once after it, and nothing else is answered."""
    waiting: list[str] = []
    for message in messages:
        if isinstance(message, ToolMessage):
            if message.tool_call_id not in waiting:
                return False
            waiting.remove(message.tool_call_id)
            continue
        if waiting:
            return False
        if isinstance(message, AIMessage):
            waiting = [str(call["id"]) for call in message.tool_calls]
    return not waiting
