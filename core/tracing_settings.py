"""The settings of what is traced, and what is masked in it."""

from pydantic import Field

from twintrack.core.settings_section import Section


class TracingSettings(Section):
    """What goes to Langfuse (its own LANGFUSE_* variables hold the keys)."""

    mask: bool = Field(default=True, description="Mask personal data before it leaves the process.")
    mask_names: bool = Field(
        default=False, description="Mask English names of people and places too; needs the extra `pii`."
    )
    keep_local: int = Field(default=50, ge=0, description="Traces kept in Redis for `twintrack traces`.")
    keep_days: float = Field(default=7.0, gt=0, description="Days such a trace is kept.")
