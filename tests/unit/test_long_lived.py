"""A process that serves spends no collection on what it loaded at its start."""

import gc

from twintrack.app.long_lived import loaded_set_aside


def test_what_is_loaded_is_set_aside_for_the_block_and_no_longer() -> None:
    before = gc.get_freeze_count()
    with loaded_set_aside():
        assert gc.get_freeze_count() > before + 1000
    assert gc.get_freeze_count() == 0
