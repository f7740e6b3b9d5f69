"""Reads a person's decisions on what an interrupted turn asked, and says what is wrong with them."""

from collections.abc import Sequence
from typing import Any

from twintrack.core.errors import InputError
from twintrack.guardrails import Masker

KINDS = ("approve", "edit", "reject")
_FIX = (
    'send one per action asked about: {"type": "approve"}, {"type": "reject"} or '
    '{"type": "edit", "edited_action": {"name": ..., "args": {"task": ...}}}'
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
            read[-1]["edited_action"] = {"name": action.get("name"), "args": {"task": masked(_task(decision, number))}}
        elif isinstance(decision.get("message"), str):
            read[-1]["message"] = masked(decision["message"])
    return read, found


def _task(decision: dict[str, Any], number: int) -> str:
    value: Any = decision
    for name in ("edited_action", "args", "task"):
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, str) or not value.strip():
        raise _wrong(f"Decision {number} is an edit without edited_action.args.task.")
    return value


def _wrong(problem: str) -> InputError:
    return InputError(problem, fix=_FIX)
