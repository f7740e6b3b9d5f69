"""Say honestly that there is no answer: why not, and what was looked at."""

from collections.abc import Iterable

from twintrack.core.passages import Passage
from twintrack.nodes.prompts import say
from twintrack.nodes.state import Draft

_MOST_TITLES = 5


def abstained(question: str, passages: Iterable[Passage], why: str = "") -> Draft:
    """Return the draft of a turn without an answer, in the language of the question."""
    titles = list(dict.fromkeys(passage["title"] for passage in passages))[:_MOST_TITLES]
    looked = say("looked at", question, titles=", ".join(titles)) if titles else say("nothing found", question)
    reason = "; ".join(filter(None, [why, looked]))
    return Draft(status="abstained", text=say("abstain", question), citations=[], reason=reason)
