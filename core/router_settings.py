"""The settings of which track a question takes, and of the weights chosen on data of one's own."""

from pathlib import Path

from pydantic import Field

from twintrack.core.settings_section import Section


class RouterSettings(Section):
    """When a question goes to the team."""

    threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Complexity from which a question goes to the team; unset takes the tuning's.",
    )
    margin: float | None = Field(
        default=None,
        ge=0,
        le=0.5,
        description="Half-width of the band in which the small model is asked, and without one the team; unset takes the tuning's.",
    )
    weak_evidence: float = Field(
        default=0.35, ge=0, le=1, description="Evidence below which direct escalates to the team."
    )


class TuningSettings(Section):
    """Weights and thresholds chosen on data of one's own."""

    file: Path | None = Field(
        default=None,
        description="File made by `twintrack eval tune`; settings win over it, and what it leaves out stays as shipped.",
    )
