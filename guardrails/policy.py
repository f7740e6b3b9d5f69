"""Which rails stand where, and what happens when a rail itself breaks."""

import logging
import secrets
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

from twintrack.core.settings import RailSettings, Settings
from twintrack.guardrails.injection import Injection
from twintrack.guardrails.injection_model import load_model
from twintrack.guardrails.limits import Blank, Controls, Size
from twintrack.guardrails.passed import Passed
from twintrack.guardrails.pii import Disclosure, Masker, PersonalData, Unmasked
from twintrack.guardrails.refusals import refusal
from twintrack.guardrails.verdict import FailureMode, Verdict

log = logging.getLogger(__name__)


class Rail(Protocol):
    """A pure check of a text."""

    @property
    def name(self) -> str:
        """Say who speaks in the verdict."""
        ...

    @property
    def failure(self) -> FailureMode:
        """Say what happens when the check itself raises."""
        ...

    def check(self, text: str) -> Verdict:
        """Judge one text."""
        ...


class OutputRail(Protocol):
    """A pure check of an answer beside the texts it may quote."""

    @property
    def name(self) -> str:
        """Say who speaks in the verdict."""
        ...

    @property
    def failure(self) -> FailureMode:
        """Say what happens when the check itself raises."""
        ...

    def check(self, text: str, sources: Collection[str]) -> Verdict:
        """Judge one answer."""
        ...


class Policy:
    """Runs rails in order: the first block ends, what one rail masks the next one reads."""

    def __init__(self, input_rails: Iterable[Rail], output_rails: Iterable[OutputRail] = ()) -> None:
        self._input = tuple(input_rails)
        self._output = tuple(output_rails)
        self._passed = Passed()

    def check_input(self, text: str) -> Verdict:
        """Judge what a user sends; `Verdict.text` is what to go on with, when it was changed."""
        return _chain([(rail.name, rail.failure, rail.check) for rail in self._input], text)

    def check_at_door(self, text: str) -> Verdict:
        """Judge what a user sends before its run begins; the run itself need not judge the same words again."""
        verdict = self.check_input(text)
        if not verdict.blocked and verdict.text is None:
            self._passed.note(text)
        return verdict

    def check_inside(self, text: str) -> Verdict:
        """Judge what a run was begun with, unless these very words have just passed the door."""
        return Verdict("policy") if self._passed.take(text) else self.check_input(text)

    def check_output(self, text: str, *, sources: Collection[str] = ()) -> Verdict:
        """Judge an answer; personal data that stands in no source is masked."""
        return _chain([(rail.name, rail.failure, _beside(rail, sources)) for rail in self._output], text)


def masker_for(settings: RailSettings, secret: Callable[[], bytes] | None = None) -> Masker:
    """Return a masker with `secret`, else the key set, else one of its own; none masks where that is switched off."""
    if not settings.mask_personal_data:
        return Unmasked()
    if secret is None and settings.mask_key:
        return Masker(settings.mask_key.get_secret_value().encode())
    return Masker(secret or secrets.token_bytes(32))


def default_policy(settings: Settings, *, masker: Masker | None = None) -> Policy:
    """Return the shipped rails; share the `masker` of the edge so that a value keeps one placeholder."""
    rails: list[Rail] = [Size(settings.budgets.max_question_chars), Controls(), Blank()]
    if settings.rails.block_injection:
        rails.append(Injection(load_model()))
    if settings.rails.mask_personal_data:
        rails.append(PersonalData(masker or masker_for(settings.rails)))
    return Policy(rails, [Disclosure()] if settings.rails.mask_personal_data else [])


def _beside(rail: OutputRail, sources: Collection[str]) -> Callable[[str], Verdict]:
    return lambda text: rail.check(text, sources)


def _chain(checks: list[tuple[str, FailureMode, Callable[[str], Verdict]]], text: str) -> Verdict:
    changed: Verdict | None = None
    for name, failure, check in checks:
        verdict = _guarded(name, failure, check, text)
        if verdict.blocked:
            return verdict
        if verdict.text is not None and verdict.text != text:
            text, changed = verdict.text, verdict
    return changed or Verdict("policy")


def _guarded(name: str, failure: FailureMode, check: Callable[[str], Verdict], text: str) -> Verdict:
    try:
        return check(text)
    except Exception as error:  # noqa: BLE001 - a rail that breaks must neither break the run nor pass unseen
        log.warning("The rail %s broke (%s); it fails %s.", name, type(error).__name__, failure)
        return Verdict(name) if failure == "open" else Verdict(name, "block", refusal("broken", text))
