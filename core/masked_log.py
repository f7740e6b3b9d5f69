"""Masks what twintrack writes into the log before any handler of the program around it sees it."""

import logging
from collections.abc import Callable, Iterator

from twintrack.core.trace_mask import masked_text

_OURS = "twintrack"
_FORMAT = logging.Formatter()


class MaskedLog(logging.Handler):
    """Stands first in the line of handlers and rewrites each record: message, values, exception and stack."""

    def __init__(self, mask: Callable[[str], str]) -> None:
        super().__init__()
        self._mask = mask

    def emit(self, record: logging.LogRecord) -> None:
        """Mask the record in place; where nobody else would print it, have it printed as Python does then."""
        record.msg, record.args = masked_text("\n".join(_told(record)), self._mask), None
        record.exc_info = record.exc_text = record.stack_info = None
        last = logging.lastResort
        if last is not None and record.levelno >= last.level and not self._is_heard(record.name):
            last.handle(record)

    def _is_heard(self, name: str) -> bool:
        return any(handler is not self for handler in _handlers(logging.getLogger(name)))


def mask_log(mask: Callable[[str], str]) -> None:
    """Mask all that loggers of this package write from now on; the newest mask counts."""
    ours = logging.getLogger(_OURS)
    ours.handlers = [MaskedLog(mask), *(one for one in ours.handlers if not isinstance(one, MaskedLog))]


def _told(record: logging.LogRecord) -> Iterator[str]:
    """Yield all that a record says: an exception's text goes into the message, so that no formatter takes it raw."""
    try:
        yield record.getMessage()
    except (TypeError, ValueError):  # a message that its values do not fit
        yield f"{record.msg} {record.args}"
    if record.exc_info:
        yield _FORMAT.formatException(record.exc_info)
    if record.stack_info:
        yield record.stack_info


def _handlers(logger: logging.Logger | None) -> Iterator[logging.Handler]:
    while logger is not None:
        yield from logger.handlers
        logger = logger.parent if logger.propagate else None
