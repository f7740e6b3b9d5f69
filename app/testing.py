"""Fakes for tests of applications built on twintrack: a scripted model and a scripted model server."""

from twintrack.app.scripted_model import ScriptedChatModel, ScriptEnded
from twintrack.app.stub_server import (
    Reply,
    StubServer,
    breaks_off,
    calls,
    fails,
    garbage,
    hangs,
    rate_limited,
    says,
)

__all__ = [
    "Reply",
    "ScriptEnded",
    "ScriptedChatModel",
    "StubServer",
    "breaks_off",
    "calls",
    "fails",
    "garbage",
    "hangs",
    "rate_limited",
    "says",
]
