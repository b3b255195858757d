"""What holds for every request: a size limit before anything is parsed, no unknown parameter, and security headers."""

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pilothouse.errors import BadInputError, PilothouseError, TooLargeError

MAX_BODY_BYTES = 256_000
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Plain ASGI: costs no task switch a request, unlike Starlette's BaseHTTPMiddleware."""

    def __init__(self, app: ASGIApp) -> None:
        """Wraps the whole app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what is too large before it is read; add headers to what goes out."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            await send(message)

        refusal = _refusal(Headers(scope=scope))
        handler = self._app if refusal is None else JSONResponse(refusal.body(), status_code=refusal.status)
        await handler(scope, receive, send_with_headers)


async def only_known_parameters(request: Request) -> None:
    """Refuse a query parameter the route does not have: to ignore it would be to answer another question."""
    route = request.scope["route"]
    known = {each.alias for each in route.dependant.query_params} if isinstance(route, APIRoute) else set[str]()
    if unknown := sorted(set(request.query_params) - known):
        raise BadInputError(
            f"there is no parameter {', '.join(unknown)}"[:200],
            hint=f"known here: {', '.join(sorted(known)) or 'none'}",
        )


STRICT = [Depends(only_known_parameters)]


def _refusal(headers: Headers) -> PilothouseError | None:
    if "transfer-encoding" in headers:
        return BadInputError("a body needs a stated length", hint="send Content-Length instead of chunks")
    if int(headers.get("content-length", "0")) > MAX_BODY_BYTES:
        return TooLargeError(f"a request may have {MAX_BODY_BYTES} bytes, this has more", hint="send a shorter message")
    return None
