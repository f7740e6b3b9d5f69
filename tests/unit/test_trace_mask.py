"""Masking of what a span holds."""

import json
import re

from hypothesis import given
from hypothesis import strategies as some

from twintrack.core.trace_mask import HIDDEN, masked_text

JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
    max_leaves=10,
)


def digits(text: str) -> str:
    """Hide mobile numbers that do not touch other letters or digits."""
    return re.sub(r"(?<![0-9A-Za-z])1[3-9]\d{9}(?![0-9A-Za-z])", "<phone>", text)


def test_an_escaped_letter_before_a_number_does_not_hide_the_number() -> None:
    assert "13812345678" not in masked_text(json.dumps({"问": "手机13812345678"}), digits)


def test_json_inside_json_is_masked() -> None:
    inner = json.dumps({"电话": "手机13812345678", "number": 13812345678})
    assert "13812345678" not in masked_text(json.dumps({"args": inner, "13812345678": [inner]}), digits)


def test_a_mask_that_raises_hides_the_text() -> None:
    def broken(text: str) -> str:
        raise ValueError(text)

    assert masked_text("anything", broken) == HIDDEN


@given(JSON)
def test_json_without_anything_to_hide_keeps_its_value(value: object) -> None:
    text = json.dumps([value])
    assert json.loads(masked_text(text, lambda leaf: leaf)) == [value]


@given(some.text())
def test_plain_text_without_anything_to_hide_stays(text: str) -> None:
    found = masked_text(text, lambda leaf: leaf)
    assert found == text or json.loads(found) == json.loads(text)


@given(JSON)
def test_whatever_surrounds_it_a_hidden_word_is_gone(value: object) -> None:
    text = json.dumps({"a": [value, "x SECRET y"], "SECRET": json.dumps(["SECRET"])})
    assert "SECRET" not in masked_text(text, lambda leaf: leaf.replace("SECRET", "<hidden>"))
