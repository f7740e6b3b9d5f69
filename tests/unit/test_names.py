"""Names in traces: masked where the extra is installed, a clear error where it is not."""

from importlib.util import find_spec

import pytest

from twintrack.core.errors import SettingsError
from twintrack.guardrails.names import scrubber
from twintrack.guardrails.pii import scrub

INSTALLED = find_spec("presidio_analyzer") is not None


def test_without_names_only_shapes_are_masked() -> None:
    assert scrubber(names=False) is scrub


@pytest.mark.skipif(INSTALLED, reason="the extra is installed")
def test_names_without_the_extra_are_an_error_that_names_it() -> None:
    with pytest.raises(SettingsError, match=r"twintrack\[pii\]"):
        scrubber(names=True)


@pytest.mark.skipif(not INSTALLED, reason="needs the extra pii")
def test_a_person_and_an_address_are_masked() -> None:
    masked = scrubber(names=True)("Barack Obama wrote to ann@example.org from Paris.")
    assert "Obama" not in masked
    assert "ann@example.org" not in masked
    assert "<PERSON>" in masked
