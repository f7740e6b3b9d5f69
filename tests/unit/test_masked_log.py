"""What goes into the log holds neither personal data nor secrets, whatever handler and formatter the program has."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from tests.ports import free_port
from twintrack.app.assemble import open_app
from twintrack.core.errors import RedisUnavailable
from twintrack.core.masked_log import MaskedLog, mask_log
from twintrack.core.settings import Settings
from twintrack.guardrails.pii import scrub

SECRETS = ("jane.doe@example.com", "4111 1111 1111 1111", "sk-proj-a1B2c3D4e5F6g7H8i9J0k1L2m3N4", "hunter2")
SAID = f"{SECRETS[0]} paid with {SECRETS[1]} by {SECRETS[2]} at redis://ann:{SECRETS[3]}@localhost/0"


class Json(logging.Formatter):
    """Reads the parts of a record itself, as structured formatters do."""

    def format(self, record: logging.LogRecord) -> str:
        error = str(record.exc_info[1]) if record.exc_info else ""
        return json.dumps({"event": record.getMessage(), "args": str(record.args), "error": error})


@pytest.fixture(params=[logging.Formatter(), Json()], ids=["plain", "structured"])
def heard(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """Listen at the root as a program would, after the log is masked."""
    mask_log(scrub)
    stream = io.StringIO()
    listener = logging.StreamHandler(stream)
    listener.setFormatter(request.param)
    logging.root.addHandler(listener)
    yield stream
    logging.root.removeHandler(listener)


def clean(text: str) -> bool:
    return bool(text) and not any(secret in text for secret in SECRETS)


def test_messages_and_their_values_are_masked(heard: io.StringIO) -> None:
    logging.getLogger("twintrack.memory.tiers").warning("lost %s, %d times", ConnectionError(SAID), 3)
    assert clean(heard.getvalue())
    assert "3 times" in heard.getvalue()


def test_the_text_of_an_exception_and_of_its_cause_is_masked(heard: io.StringIO) -> None:
    try:
        try:
            raise ValueError(SAID)
        except ValueError as error:
            raise RuntimeError(f"because of {SAID}") from error
    except RuntimeError:
        logging.getLogger("twintrack.tracing").exception("A run is not traced: %s", SAID, stack_info=True)
    assert clean(heard.getvalue())
    assert "RuntimeError" in heard.getvalue()


def test_a_message_that_its_values_do_not_fit_is_masked_too(heard: io.StringIO) -> None:
    logging.getLogger("twintrack.x").warning("one %s two %s", SAID)
    assert clean(heard.getvalue())


def test_a_mask_that_breaks_hides_the_text(heard: io.StringIO) -> None:
    def broken(_: str) -> str:
        raise RuntimeError

    mask_log(broken)
    logging.getLogger("twintrack.x").warning(SAID)
    assert "hidden" in heard.getvalue()
    assert clean(heard.getvalue())


def test_the_log_of_others_is_not_ours_to_change(heard: io.StringIO) -> None:
    logging.getLogger("somebody.else").warning("%s", SECRETS[0])
    assert SECRETS[0] in heard.getvalue()


def test_where_nobody_listens_a_warning_is_printed_once_as_python_does(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mask_log(scrub)
    monkeypatch.setattr(logging.root, "handlers", [])
    logging.getLogger("twintrack.x").warning(SAID)
    logging.getLogger("twintrack.x").info("not worth a line")
    printed = capsys.readouterr().err
    assert printed.count("paid with") == 1
    assert clean(printed)


async def test_whoever_opens_the_application_or_the_server_has_a_masked_log() -> None:
    logging.getLogger("twintrack").handlers.clear()
    nowhere = Settings.model_validate({"redis": {"url": f"redis://127.0.0.1:{free_port()}/0"}})
    with pytest.raises(RedisUnavailable):
        async with open_app(nowhere):
            pytest.fail("opened without Redis")
    assert [type(one) for one in logging.getLogger("twintrack").handlers] == [MaskedLog]
