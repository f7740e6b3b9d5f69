"""What `twintrack eval tune` chooses, in one file: weights, thresholds and how much meaning counts in each corpus."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import PydanticBaseSettingsSource

from twintrack.core.errors import SettingsError

SHIPPED = Path(__file__).with_name("tuning.json")
FIX = "make one with `twintrack eval tune`, or unset TWINTRACK_TUNING__FILE"
Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Withhold(_Part):
    """When a quote is withheld."""

    weights: dict[str, float]
    """Of each sign that speaks for or against the quote."""
    english: float
    """Bias of each language, since its words overlap differently."""
    chinese: float
    near_across: float = Field(ge=-1, le=1)
    """Cosine from which a sentence in another language than the question's may be quoted: no word can be compared."""


class Meaning(_Part):
    """How far a question's vector leans to the complex ones; it counts for the embedder it was learnt with alone."""

    embedder: str
    bias: float
    weights: tuple[float, ...]


class Routing(_Part):
    """How complex a question is, and from where on it is the team's."""

    weights: dict[str, float]
    """Of each cue."""
    bias: float
    chinese: float
    threshold: Share
    margin: float = Field(ge=0, le=0.5)
    meaning: Meaning | None = None


class Tuning(_Part):
    """The file; what it leaves out stays as it ships."""

    vector_weights: dict[str, Share] = Field(default_factory=dict)
    cache_threshold: float | None = Field(default=None, ge=0.5, le=1)
    weak_evidence: Share | None = None
    withhold: Withhold | None = None
    routing: Routing | None = None
    provenance: dict[str, Any] = Field(default_factory=dict)
    """How each part was made and judged, by its name."""

    def settings(self) -> dict[str, Any]:
        """Return those values that have settings of their own, as a settings tree."""
        found: dict[str, dict[str, Any]] = {
            "retrieval": {"vector_weights": self.vector_weights or None},
            "cache": {"threshold": self.cache_threshold},
            "router": {"weak_evidence": self.weak_evidence},
        }
        return {
            section: {name: value for name, value in fields.items() if value is not None}
            for section, fields in found.items()
        }


def read_tuning(file: Path) -> Tuning:
    """Read a file.

    Raises:
        SettingsError: it is absent, or not such a file.
    """
    try:
        return Tuning.model_validate_json(file.read_bytes())
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        place = ".".join(map(str, wrong["loc"]))
        raise SettingsError(
            f"{file} holds no tuning ({place + ': ' if place else ''}{wrong['msg']}).", fix=FIX
        ) from error
    except OSError as error:
        raise SettingsError(f"{file}: the tuning cannot be read ({error.strerror or error}).", fix=FIX) from error


def write_tuning(tuning: Tuning, file: Path) -> None:
    """Write a file, each list of numbers on one line."""
    stored = tuning.model_dump(exclude_defaults=True)
    lists: list[str] = []

    def held(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: held(one) for name, one in value.items()}
        if isinstance(value, list | tuple):
            lists.append(json.dumps(value))
            return f"\0{len(lists) - 1}\0"
        return value

    text = json.dumps(held(stored), indent=1, ensure_ascii=False)
    for number, line in enumerate(lists):
        text = text.replace(f'"\\u0000{number}\\u0000"', line)
    file.write_text(text + "\n", encoding="utf-8")


@lru_cache(maxsize=1)
def shipped_tuning() -> Tuning:
    """Return what comes with the package, read once."""
    return read_tuning(SHIPPED)


def used_tuning(file: Path | None) -> Tuning:
    """Return the file's parts, and what ships for those that it leaves out.

    Raises:
        SettingsError: there is no such file.
    """
    own, shipped = read_tuning(file) if file else Tuning(), shipped_tuning()
    return own.model_copy(
        update={"withhold": own.withhold or shipped.withhold, "routing": own.routing or shipped.routing}
    )


class TuningSource(PydanticBaseSettingsSource):
    """Reads the values that have settings of their own out of the tuning file that stronger sources name."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the base class's
        """Return nothing: fields are not looked up one by one."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the tree."""
        section = self.current_state.get("tuning") or {}
        file = section.get("file") if isinstance(section, dict) else getattr(section, "file", None)
        return read_tuning(Path(file)).settings() if file else {}
