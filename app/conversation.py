"""Where one chat stands."""

from dataclasses import dataclass, field

from rich.console import Console

from twintrack.app.answer import Answer
from twintrack.app.application import App


@dataclass(slots=True)
class Conversation:
    """One thread, who talks in it, and the last answer."""

    app: App
    console: Console
    thread_id: str
    user_id: str
    tenant_id: str
    last: Answer | None = field(default=None)

    @property
    def who(self) -> dict[str, str]:
        """Return the caller's identity as keyword arguments."""
        return {"user_id": self.user_id, "tenant_id": self.tenant_id}
