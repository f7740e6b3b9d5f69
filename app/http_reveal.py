"""Gives the caller the words back that were masked: answers over HTTP hold placeholders, and their owner alone resolves them."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from twintrack.app.api_keys import ApiKeys
from twintrack.app.callers import caller
from twintrack.app.edge import Scope
from twintrack.app.http_request import body_of, caller_of
from twintrack.core.errors import InputError, NotAllowed
from twintrack.guardrails.pii import PLACEHOLDER, restore
from twintrack.memory.vault import Vault

MOST_TEXTS = 1000


def reveal_route(vault: Vault) -> Route:
    """Return the route that restores the caller's own placeholders in the texts sent; a stranger's stay."""

    async def reveal(request: Request) -> Response:
        who, texts = caller_of(request), _texts(await body_of(request))
        known = await vault.originals(who, {name for text in texts for name in PLACEHOLDER.findall(text)})
        return JSONResponse({"texts": [restore(text, known) for text in texts]})

    return Route("/twintrack/reveal", reveal, methods=["POST"])


def keeper(vault: Vault, keys: ApiKeys) -> Callable[[Scope, dict[str, str]], Awaitable[None]]:
    """Return what keeps the originals of a request for its sender; a stranger's request is refused further on."""

    async def keep(scope: Scope, found: dict[str, str]) -> None:
        try:
            who = caller(keys, dict(scope["headers"]), scope.get("client"))
        except NotAllowed:
            return
        if who is not None:
            await vault.keep(who, found)

    return keep


def _texts(fields: dict[str, Any]) -> list[str]:
    texts = fields.get("texts")
    if not isinstance(texts, list) or len(texts) > MOST_TEXTS or not all(isinstance(text, str) for text in texts):
        raise InputError("'texts' is no list of texts.", fix=f"send at most {MOST_TEXTS} texts")
    return texts
