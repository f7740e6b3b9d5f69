"""Ids sent to Langfuse: accepted, distinct, without personal data."""

from hypothesis import given
from hypothesis import strategies as some

from twintrack.core.trace_labels import label


@given(some.text(max_size=300))
def test_a_label_is_short_printable_ascii(value: str) -> None:
    found = label(value)
    assert 0 < len(found) <= 200
    assert found.isascii()
    assert found.isprintable()


@given(some.text(max_size=60), some.text(max_size=60))
def test_distinct_values_have_distinct_labels(one: str, other: str) -> None:
    values = {one, other, label(one), label(other)}
    assert len({label(value) for value in values}) == len(values)


@given(some.from_regex(r"[a-z0-9-]{1,200}", fullmatch=True))
def test_a_plain_id_stays_readable(value: str) -> None:
    assert label(value) == value


def test_an_id_that_is_personal_data_is_hashed_without_its_text() -> None:
    found = label("ada@example.org", lambda text: text.replace("ada@example.org", "<email>"))
    assert "ada" not in found
    assert found == label("ada@example.org", lambda text: text.replace("ada@example.org", "<email>"))
