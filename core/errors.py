"""Every error twintrack raises, each with the fix in its text.

TwintrackError
├── SettingsError         a setting is wrong: names the setting, its source and the fix
├── InputError            what the caller sent cannot be used
│   ├── DocumentError     a file cannot be read
│   ├── UnknownThread     no such thread, or not yours
│   └── UnknownVersion    no such checkpoint in this thread
├── NotAllowed            the caller's identity does not reach this
├── Unavailable           something outside does not answer
│   ├── RedisUnavailable  no server, wrong password, server too old or without the query engine
│   └── ModelUnavailable  no key, bad name, time-out, rate limit, garbage
├── Conflict              two writers on one thread, the later one is refused
└── BudgetExceeded        a run reached one of its limits
"""

from typing import Self


class TwintrackError(Exception):
    """Base of all errors raised on purpose; `fix` says what the reader can do."""

    def __init__(self, problem: str, *, fix: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.problem} Fix: {self.fix}" if self.fix else self.problem


class SettingsError(TwintrackError):
    """A setting has a value that cannot be used."""


class InputError(TwintrackError):
    """What the caller sent cannot be used."""


class DocumentError(InputError):
    """A file cannot be read as a document."""


class UnknownThread(InputError):
    """The thread does not exist, or belongs to someone else."""


class UnknownVersion(InputError):
    """The thread has no such version."""

    @classmethod
    def of(cls, thread_id: object, version: object, *, fix: str) -> Self:
        """Return the error of a thread that lacks a version."""
        return cls(f"Thread '{thread_id}' has no version '{version}'.", fix=fix)


class NotAllowed(TwintrackError):
    """The caller's identity does not reach what was asked for."""


class Unavailable(TwintrackError):
    """Something outside the process does not answer as it must."""


class RedisUnavailable(Unavailable):
    """Redis cannot be used: absent, refused, too old, or without the query engine."""


class ModelUnavailable(Unavailable):
    """A model cannot be used: no key, unknown name, time-out, rate limit or garbage."""


class Conflict(TwintrackError):
    """Another run wrote to the same thread first."""


class BudgetExceeded(TwintrackError):
    """A run reached one of its limits."""
