"""The twin's HTTP surface: OpenRouter's routes under /api/v1 (and /v1), and our own under /twin and /health."""

import hmac
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from simulators.openrouter import account, embeddings
from simulators.openrouter.billing import Billing
from simulators.openrouter.chat import complete
from simulators.openrouter.errors import RefusedError, answer_refusal
from simulators.openrouter.pricing import catalogue

Handler = Callable[[Request], Awaitable[Response]]


class Twin:
    """The handlers and the little state they share."""

    def __init__(self, key: str | None) -> None:
        self._key = key
        self.billing = Billing()
        self.in_flight = 0

    def admit(self, request: Request) -> None:
        """Refuse who brings no key, or not the one this twin was started with."""
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not bearer.strip():
            raise RefusedError(401, "No auth credentials found")
        if self._key is not None and not hmac.compare_digest(bearer.strip().encode(), self._key.encode()):
            raise RefusedError(401, "User not found.")

    async def chat(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold the call as in flight until its last byte is sent."""
        request = Request(scope, receive)
        self.admit(request)
        self.in_flight += 1
        try:
            respond = await complete(request, self.billing)
            await respond(scope, receive, send)
        finally:
            self.in_flight -= 1

    async def embeddings(self, request: Request) -> Response:
        """Answer with vectors."""
        self.admit(request)
        answer = embeddings.embed(await request.body(), self.billing)
        return JSONResponse(answer, headers={"X-Generation-Id": answer["id"]})

    async def models(self, _: Request) -> Response:
        """List the catalogue; OpenRouter asks for no key here."""
        return JSONResponse(catalogue())

    async def key(self, request: Request) -> Response:
        """Tell about the key in use."""
        self.admit(request)
        return JSONResponse(account.key(self.billing))

    async def generation(self, request: Request) -> Response:
        """Tell about one finished call."""
        self.admit(request)
        return JSONResponse(account.generation(self.billing, request.query_params.get("id", "")))

    async def billed(self, request: Request) -> Response:
        """Show or forget what was billed."""
        if request.method == "DELETE":
            self.billing.reset()
        return JSONResponse(self.billing.statement())

    async def health(self, _: Request) -> Response:
        """Say that we are here, and how many chat calls are under way."""
        return JSONResponse({"status": "ok", "in_flight": self.in_flight})


class _Endpoint:
    """A raw ASGI endpoint: Starlette routes a function by its signature, an object as an app."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def create_app(*, key: str | None = None) -> Starlette:
    """Build the twin; with a key, only that bearer is let in."""
    twin = Twin(key)
    routes = [
        Route("/chat/completions", _Endpoint(twin.chat), methods=["POST"]),
        Route("/embeddings", twin.embeddings, methods=["POST"]),
        Route("/models", twin.models),
        Route("/key", twin.key),
        Route("/generation", twin.generation),
    ]
    return Starlette(
        routes=[
            Mount("/api/v1", routes=routes),
            Mount("/v1", routes=routes),
            Route("/twin/billed", twin.billed, methods=["GET", "DELETE"]),
            Route("/health", twin.health),
        ],
        exception_handlers={RefusedError: answer_refusal, HTTPException: answer_refusal, Exception: answer_refusal},
    )
