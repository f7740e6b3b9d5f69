"""What each branch of the settings tree is made of."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of each branch of the tree."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
