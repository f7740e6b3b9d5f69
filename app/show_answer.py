"""How an answer looks: the words, where they stand, and in one line how they came about."""

from rich.console import Console

from twintrack.app.answer import Answer
from twintrack.app.places import place
from twintrack.app.screen import say

_COLOUR = {"answered": "", "abstained": "yellow", "refused": "red", "failed": "red", "interrupted": "magenta"}
_KNOWN = {"exact": "asked before", "similar": "asked before in other words"}
_WAITING = "It waits for your decision."


def show(answer: Answer, console: Console, *, steps: bool = True) -> None:
    """Print the answer, its citations and how it came about; `steps` adds what each agent did."""
    say(console, answer.text or (_WAITING if answer.interrupts else answer.reason), _COLOUR[answer.status])
    for asked in _asked(answer):
        say(console, f"  {asked}", "magenta")
    if answer.citations:
        console.print()
    for citation in answer.citations:
        say(console, f"[{citation.marker}] {place(citation)}", "cyan")
    console.print()
    if steps:
        for step in answer.steps:
            failed = f" ({step.error})" if step.error else ""
            took = "known from before" if step.again else f"{step.seconds:.2f} s"
            say(console, f"{step.agent}, {took}, {step.status}{failed}: {step.task}", "dim")
    say(console, footnote(answer), "dim")


def footnote(answer: Answer) -> str:
    """Return how the answer came about, in one line."""
    track = f"{answer.route} track, confidence {answer.confidence:.2f}" if answer.route else ""
    reason = f"{'simpler path: ' if answer.degraded else ''}{answer.reason}"
    tokens = answer.usage.input_tokens + answer.usage.output_tokens
    spent = f"{tokens} tokens" if tokens else ""
    again = f"from the answer cache, {_KNOWN[answer.cached]}" if answer.cached else ""
    parts = (answer.status, again, track, reason, spent, f"{answer.usage.seconds:.2f} s")
    return " · ".join(part for part in parts if part)


def _asked(answer: Answer) -> list[str]:
    return [
        f"{request['name']} {request.get('args', {})}"
        for asked in answer.interrupts
        for request in asked["action_requests"]
    ]
