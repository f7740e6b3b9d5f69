"""Keeps out what LangGraph's server would let past its own auth or past the masking."""

from twintrack.app.edge import ASGIApp, Receive, Scope, Send

CLOSED = ("/internal", "/deploy")
"""The development server's own routes: they show, delete and send away everyone's data without asking who calls."""


class Gate:
    """ASGI middleware that answers closed routes like unknown ones and takes no web sockets."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "websocket":
            # Text in a socket's frames would be stored before anything masks it.
            await send({"type": "websocket.close", "code": 1008, "reason": "Use the HTTP event stream."})
        elif scope["type"] == "http" and _is_closed(scope["path"]):
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._app(scope, receive, send)


def _is_closed(path: str) -> bool:
    return any(path == start or path.startswith(start + "/") for start in CLOSED)
