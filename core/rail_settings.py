"""The settings of what the guardrails look for."""

from pydantic import Field, SecretStr

from twintrack.core.settings_section import Section


class RailSettings(Section):
    """What the guardrails look for."""

    mask_personal_data: bool = Field(
        default=True, description="Mask personal data and secrets before anything is stored."
    )
    mask_key: SecretStr | None = Field(
        default=None,
        description="Secret the placeholders are made from, the same for every process; unset keeps one in `mask.key` in the data folder.",
    )
    block_injection: bool = Field(
        default=True, description="Refuse questions that try to change the assistant's own rules."
    )
