"""What the checkpoint scripts refuse, in our own words."""

from redis.exceptions import ResponseError

from twintrack.core.errors import Conflict, TwintrackError, UnknownThread


def refusal(error: Exception, thread_id: str) -> TwintrackError | None:
    """Return what a script refused; None where the error is none of its own."""
    if not isinstance(error, ResponseError):
        return None
    if "NOTOWNER" in str(error):
        return UnknownThread(f"There is no thread '{thread_id}'.", fix="use a thread of your own, or a new id")
    if "CONFLICT" in str(error):
        return Conflict(f"Another run wrote to thread '{thread_id}' first.", fix="run again: it continues from there")
    if "REMOVED" in str(error):
        return Conflict("A version was removed in the meantime.", fix="list the versions and choose again")
    return lost(thread_id) if "LOST" in str(error) else None


def lost(thread_id: str) -> TwintrackError:
    """Return the error for a thread of which something is missing."""
    fix = "delete the thread, and set Redis' maxmemory-policy to noeviction, so that it drops no data"
    return TwintrackError(f"Part of the thread '{thread_id}' is gone from Redis.", fix=fix)
