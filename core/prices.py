"""What a model call costs, as far as its price is known."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

MILLION = 1_000_000


class Price(BaseModel):
    """What a million tokens of one model cost, in whatever currency the limits are in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    read: float = Field(ge=0, description="A million tokens read.")
    written: float = Field(ge=0, description="A million tokens written.")

    def of(self, read: int, written: int) -> float:
        """Return what so many tokens cost."""
        return (read * self.read + written * self.written) / MILLION


Prices = Mapping[str, Price]
"""By `provider:model`, or by the model's name alone."""


def price_of(prices: Prices, provider: str, model: str) -> Price | None:
    """Return the price of a model; None where it is not known, so that no limit of money holds for it."""
    return prices.get(f"{provider}:{model}") or prices.get(model)
