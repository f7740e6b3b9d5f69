"""What the server answers beside LangGraph's own API; `app` is what langgraph.json names."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from twintrack.app.api_keys import ApiKeys
from twintrack.app.callers import HEALTH
from twintrack.app.edge import MaskingMiddleware
from twintrack.app.erasure import erase_user
from twintrack.app.http_approvals import approval_routes
from twintrack.app.http_audit import audit_route
from twintrack.app.http_errors import answer_error
from twintrack.app.http_gate import Gate
from twintrack.app.http_memory import memory_routes
from twintrack.app.http_reveal import keeper, reveal_route
from twintrack.app.http_versions import version_routes
from twintrack.app.lapsed import sweeping
from twintrack.app.long_lived import loaded_set_aside
from twintrack.app.server import lapsed, log, parts, saver, versions
from twintrack.app.thread_owners import SavedOwners
from twintrack.core.errors import RedisUnavailable, TwintrackError
from twintrack.core.models import EXTRACTIVE, ROLES
from twintrack.core.redis_check import check_server
from twintrack.core.simplified import load_signs


async def health(request: Request) -> JSONResponse:
    """Tell a stranger whether it works, and whoever has a key what works and how; no secret is in it."""
    redis = await _redis()
    status = 200 if redis["ok"] else 503
    if not request.user.is_authenticated:
        return JSONResponse({"ok": redis["ok"]}, status_code=status)
    settings = parts.settings
    told: dict[str, Any] = {
        "ok": redis["ok"],
        "redis": redis,
        "models": {role: getattr(settings.models, role) or EXTRACTIVE for role in ROLES},
        "refused": [str(refusal) for refusal in parts.resources.models.refusals],
        "embedder": parts.resources.embedder.name,
        "users": "by API key" if settings.server.keys else "everyone on this machine is `local`",
        "audit": {"waiting": parts.audit.waiting, "lost": parts.audit.lost},
        "masking": settings.rails.mask_personal_data,
    }
    return JSONResponse(told, status_code=status)


async def _redis() -> dict[str, Any]:
    try:
        report = await check_server(parts.source)
    except RedisUnavailable as error:
        return {"ok": False, "error": error.problem, "fix": error.fix}
    return {
        "ok": True,
        "version": report.version,
        "modules": report.modules,
        "persistence": report.persistence,
        "warnings": list(report.warnings),
    }


@asynccontextmanager
async def _life(_app: Starlette) -> AsyncIterator[None]:
    if not parts.settings.server.keys:
        log.warning("No API keys are set: everyone on this machine is the user `local`. Set TWINTRACK_SERVER__KEYS.")
    await asyncio.gather(asyncio.to_thread(parts.masker.warm), asyncio.to_thread(load_signs))
    async with sweeping(lapsed, parts.settings.approvals.sweep_seconds):
        with loaded_set_aside():
            yield


def _middleware() -> list[Middleware]:
    # Without masking it still holds bodies to their limit.
    keep = keeper(parts.vault, ApiKeys.parse(parts.settings.server.keys))
    edge = Middleware(MaskingMiddleware, masker=parts.masker, policy=parts.resources.policy, keep=keep)
    return [Middleware(Gate), edge]


app = Starlette(
    routes=[
        Route(HEALTH, health, methods=["GET"]),
        *version_routes(versions, SavedOwners(saver)),
        *memory_routes(parts.resources.memory, lambda who: erase_user(parts, versions, who)),
        reveal_route(parts.vault),
        *approval_routes(lapsed),
        audit_route(parts.audit, SavedOwners(saver)),
    ],
    middleware=_middleware(),
    exception_handlers={TwintrackError: answer_error},
    lifespan=_life,
)
