"""Asks a Langfuse server whether it is there and takes the keys, before a run has to find out."""

import httpx

from twintrack.core.errors import Unavailable
from twintrack.core.langfuse_variables import LangfuseVariables

PATIENCE_S = 2.0


async def check_langfuse(variables: LangfuseVariables) -> str:
    """Return what the server says of itself: its version and the project the keys open.

    Raises:
        Unavailable: no server there, not Langfuse, or the keys are refused; says how to mend it.
    """
    secret = variables.secret_key.get_secret_value() if variables.secret_key else ""
    base = variables.base_url.rstrip("/")
    try:
        async with httpx.AsyncClient(timeout=PATIENCE_S, auth=(variables.public_key or "", secret)) as client:
            health = await client.get(f"{base}/api/public/health")
            projects = await client.get(f"{base}/api/public/projects")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(
            f"Langfuse at {base} does not answer: {str(error) or type(error).__name__}.",
            fix="correct LANGFUSE_BASE_URL or start that server; runs go on without it",
        ) from error
    if projects.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise Unavailable(
            f"Langfuse at {base} refuses the keys.", fix="correct LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY"
        )
    version = _text_of(health, "version")
    if not version or projects.is_error:
        raise Unavailable(
            f"What answers at {base} is not a Langfuse server (HTTP {health.status_code}, {projects.status_code}).",
            fix="correct LANGFUSE_BASE_URL",
        )
    names = ", ".join(project.get("name", "?") for project in projects.json().get("data", []))
    return f"Langfuse {version} at {base}, project {names or 'unknown'}"


def _text_of(answer: httpx.Response, name: str) -> str:
    try:
        found = answer.json()
    except ValueError:
        return ""
    return str(found.get(name, "")) if isinstance(found, dict) else ""
