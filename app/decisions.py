"""Reads a person's decisions on what an interrupted turn asked, and says what is wrong with them."""

from collections.abc import Callable, Sequence
from typing import Any

from langgraph.types import Interrupt

from twintrack.core.errors import InputError
from twintrack.guardrails import Masker

KINDS = ("approve", "edit", "reject")
_FIX = (
    'send one per action asked about: {"type": "approve"}, {"type": "reject"} or '
    '{"type": "edit", "edited_action": {"name": ..., "args": {...}}}'
)


def read_decisions(
    decisions: Any, asked: Sequence[dict[str, Any]], masker: Masker
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return the decisions with personal data masked, and what each placeholder stands for.

    Raises:
        InputError: they are not one good decision per action in `asked`.
    """
    if not isinstance(decisions, list):
        raise _wrong("The decisions are not a list.")
    if len(decisions) != len(asked):
        raise _wrong(f"{len(asked)} decisions are needed, and {len(decisions)} came.")
    found: dict[str, str] = {}

    def masked(text: str) -> str:
        result = masker.mask(text)
        found.update(result.found)
        return result.text

    read: list[dict[str, Any]] = []
    for number, (decision, action) in enumerate(zip(decisions, asked, strict=True), start=1):
        kind = decision.get("type") if isinstance(decision, dict) else None
        if kind not in KINDS:
            raise _wrong(f"Decision {number} has no type of {', '.join(KINDS)}.")
        # Made anew from what is known, so that nothing unmasked rides along in other fields.
        read.append({"type": kind})
        if kind == "edit":
            arguments = _arguments(decision, action, number)
            read[-1]["edited_action"] = {"name": action.get("name"), "args": _each_text(arguments, masked)}
        elif isinstance(decision.get("message"), str):
            read[-1]["message"] = masked(decision["message"])
    return read, found


def by_interrupt(
    interrupts: Sequence[Interrupt], decisions: Sequence[dict[str, Any]]
) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Deal the decisions out to what asked for them, in the order in which the actions were shown."""
    left = list(decisions)
    dealt: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for waits in interrupts:
        count = len(waits.value["action_requests"])
        dealt[waits.id], left = {"decisions": left[:count]}, left[count:]
    return dealt


def _arguments(decision: dict[str, Any], action: dict[str, Any], number: int) -> dict[str, Any]:
    """Return the edited arguments: those that the action has, and of the same kinds."""
    edited = decision.get("edited_action")
    arguments = edited.get("args") if isinstance(edited, dict) else None
    shown = action.get("args")
    names = set(shown) if isinstance(shown, dict) else {"task"}
    if not isinstance(arguments, dict) or not names & set(arguments):
        raise _wrong(f"Decision {number} is an edit without edited_action.args.{min(names, default='task')}.")
    if "task" in names and not (isinstance(arguments.get("task"), str) and arguments["task"].strip()):
        raise _wrong(f"Decision {number} is an edit without edited_action.args.task.")
    # A task is all that an agent is given; a tool holds its arguments against its schema itself.
    return {"task": arguments["task"]} if names == {"task"} else arguments


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {str(name): _each_text(one, change) for name, one in value.items()}
    return [_each_text(one, change) for one in value] if isinstance(value, list) else value


def _wrong(problem: str) -> InputError:
    return InputError(problem, fix=_FIX)
