"""One call of a model while it is under way, and what it is thought to spend."""

from dataclasses import dataclass

from twintrack.core.prices import Price
from twintrack.core.shared_spend import Window
from twintrack.guardrails.accounts import Account

ANSWER_TOKENS = 200
"""What an answer is thought to take while it is being written."""


@dataclass(slots=True)
class ModelCall:
    """A model call under way, at its latest attempt."""

    prompts: int
    read: int
    """Tokens that it is thought to read."""
    model: str
    price: Price | None
    account: Account
    window: Window | None = None
    attempts: int = 0
    """Attempts that a guarded model told of; a model that is not guarded tells of none."""

    @property
    def tokens(self) -> int:
        """Return what it is thought to read and write."""
        return self.read + ANSWER_TOKENS * self.prompts

    @property
    def cost(self) -> float:
        """Return what that is thought to cost."""
        return self.price.of(self.read, ANSWER_TOKENS * self.prompts) if self.price else 0.0
