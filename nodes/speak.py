"""Let an answer be heard while it is written: each sentence once it is whole, cited and past the output rails."""

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessageChunk, AnyMessage, HumanMessage
from langgraph.config import get_config
from langgraph.graph.message import push_message

from twintrack.guardrails import Policy
from twintrack.guardrails.run_meter import words_are_out


def answer_id(messages: Sequence[AnyMessage]) -> str | None:
    """Return the id of the message that answers the last question: the same when the turn runs again."""
    asked = next((message for message in reversed(messages) if isinstance(message, HumanMessage)), None)
    return f"answer-{asked.id}" if asked and asked.id else None


class Speaker:
    """Sends the sentences of one answer to whoever streams messages, under the id of the answer itself."""

    def __init__(self, messages: Sequence[AnyMessage], policy: Policy, sources: Sequence[str]) -> None:
        self._id = answer_id(messages)
        self._policy = policy
        self._sources = sources
        self.begun = False

    def say(self, sentence: str) -> None:
        """Send one checked sentence; what a rail blocks is not heard."""
        verdict = self._policy.check_output(sentence, sources=self._sources)
        if verdict.blocked or self._id is None:
            return
        text = sentence if verdict.text is None else verdict.text
        chunk: Any = AIMessageChunk(content=f" {text}" if self.begun else text, id=self._id)
        push_message(chunk, state_key=None)
        words_are_out(get_config())
        self.begun = True
