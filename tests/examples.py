"""How many examples a property test tries: its own usual number, and more of them where a profile asks for more."""

from typing import Any

from hypothesis import settings

USUAL = 40
"""Examples of a test that names no number of its own."""


def examples(usual: int, *, most: int | None = None, **options: Any) -> settings:
    """Return the settings of a test that tries `usual` examples, times what the profile in force asks for.

    Args:
        usual: Examples in a usual run.
        most: Examples at most, whatever the profile says.
        options: Further settings of hypothesis.
    """
    wanted = round(usual * settings().max_examples / USUAL)
    return settings(max_examples=wanted if most is None else min(wanted, most), deadline=None, **options)
