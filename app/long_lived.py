"""Keeps the garbage collector of a process that serves from looking again and again at what it has loaded."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loaded_set_aside() -> Iterator[None]:
    """Let the collector look only at what comes up in the block: modules, graphs and models are there until the end.

    Only for a process of our own, once it has started: what becomes garbage of what is set aside is found after the
    block alone.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
