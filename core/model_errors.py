"""What a model vendor's error means: worth another attempt or not, and in whose words to say it.

Vendors are recognised by status codes and class names, so none of their packages is imported.
"""

from typing import Any

from twintrack.core.errors import ModelUnavailable, SettingsError, TwintrackError

TIMEOUTS = frozenset({"TimeoutError", "APITimeoutError", "TimeoutException", "ReadTimeout", "DeadlineExceeded"})
CONNECTIONS = frozenset({"ConnectionError", "APIConnectionError", "TransportError", "ServiceUnavailable"})
RATE_LIMITS = frozenset({"RateLimitError", "ResourceExhausted", "ThrottlingException"})
GARBAGE = (ValueError, TypeError, KeyError, IndexError, AttributeError)
RETRIED_STATUS = frozenset({408, 409, 429})


class CutShort(Exception):
    """A stream ended before the model said that it was done."""


def status_of(error: Exception) -> int | None:
    """Return the HTTP error status behind a vendor's error, if there is one."""
    for holder in (error, getattr(error, "response", None)):
        status = getattr(holder, "status_code", None) or getattr(holder, "code", None)
        if isinstance(status, int) and status >= 400:
            return status
    return None


def needs_a_person(error: Exception) -> bool:
    """Tell whether the provider refuses the key or knows no such model: nothing but a setting mends that."""
    return status_of(error) in (401, 403, 404)


def worth_retrying(error: Exception) -> bool | float:
    """Tell whether another attempt can help; a number is the server's own Retry-After, in seconds."""
    status = status_of(error)
    if status is not None:
        return (retry_after(error) or True) if status in RETRIED_STATUS or status >= 500 else False
    if _of_an_ended_loop(error):
        return 0.01
    return bool(_names(error) & (TIMEOUTS | CONNECTIONS | RATE_LIMITS)) or isinstance(error, CutShort)


def _of_an_ended_loop(error: Exception) -> bool:
    """Tell whether a pooled connection belonged to an event loop that has ended; the next attempt opens its own."""
    return isinstance(error, RuntimeError) and str(error) == "Event loop is closed"


def retry_after(error: Exception) -> float | None:
    """Return the seconds a server asked to wait, when it named them."""
    headers: Any = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 < seconds < 86_400 else None


def translate(error: Exception, *, spec: str, setting: str) -> TwintrackError:
    """Return the twintrack error that says what `error` means to the person who set `setting` to `spec`."""
    if isinstance(error, TwintrackError):
        return error
    status = status_of(error)
    if status is not None:
        return _from_status(status, error, spec, setting)
    names = _names(error)
    if names & TIMEOUTS:
        return ModelUnavailable(
            f"{spec} did not answer in time.", fix="Raise TWINTRACK_MODELS__TIMEOUT_S or try later."
        )
    if names & RATE_LIMITS:
        return _rate_limited(error, spec)
    if names & CONNECTIONS:
        return ModelUnavailable(f"{spec} cannot be reached.", fix="Check the network and TWINTRACK_MODELS__BASE_URL.")
    return _unreadable(error, spec)


def _from_status(status: int, error: Exception, spec: str, setting: str) -> TwintrackError:
    if status in (401, 403):
        return ModelUnavailable(
            f"The key for {spec} was refused ({status}).",
            fix="Set TWINTRACK_MODELS__API_KEY or the provider's own key.",
        )
    if status == 404:
        return SettingsError(f"{setting}={spec}: the provider has no such model.", fix=f"Correct {setting}.")
    if status == 429:
        return _rate_limited(error, spec)
    if status >= 500:
        return ModelUnavailable(f"{spec} failed on its side ({status}).", fix="Try again later.")
    return ModelUnavailable(f"{spec} refused the request ({status}).", fix=f"Check that {setting} fits this task.")


def _rate_limited(error: Exception, spec: str) -> ModelUnavailable:
    seconds = retry_after(error)
    when = f"in {seconds:g} seconds" if seconds else "later"
    return ModelUnavailable(f"{spec} is over its rate limit (429).", fix=f"Try again {when}.")


def _unreadable(error: Exception, spec: str) -> ModelUnavailable:
    if isinstance(error, CutShort):
        return ModelUnavailable(f"The answer of {spec} was cut short.", fix="Try again later.")
    if isinstance(error, GARBAGE) or "APIResponseValidationError" in _names(error):
        return ModelUnavailable(
            f"The answer of {spec} could not be read ({type(error).__name__}).",
            fix="Check that TWINTRACK_MODELS__BASE_URL speaks the provider's protocol.",
        )
    return ModelUnavailable(f"{spec} failed ({type(error).__name__}).", fix="Try again later.")


def _names(error: Exception) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}
