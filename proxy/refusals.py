"""Errors of the proxy itself: on /v1 in OpenRouter's shape, so that every client raises on them."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pilothouse.errors import PilothouseError
from pilothouse.serving import install_error_handlers

METADATA = ("limit_source", "reason", "hint")

Handler = Callable[[Request, Exception], Awaitable[Response]]


class RefusedError(PilothouseError):
    """A call that is not sent: no room in a budget, no known price, a model the key may not use."""

    code = "refused"

    def __init__(self, message: str, *, status: int, hint: str, limit_source: str = "") -> None:
        """`limit_source` names the limit as OpenRouter names its own, such as `pilothouse_day_budget`."""
        super().__init__(message, hint=hint)
        self.status = status
        self._limit = {"limit_source": limit_source} if limit_source else {}

    def body(self) -> dict[str, Any]:
        """With the limit, next to the hint."""
        return {"error": super().body()["error"] | self._limit}


def shaped(told: dict[str, Any], status: int) -> dict[str, Any]:
    """OpenRouter's shape of an error that is told in ours."""
    metadata = {name: value for name, value in told.items() if name in METADATA and value}
    return {"error": {"code": status, "message": told["message"], "metadata": metadata}}


def install_refusals(app: Starlette) -> None:
    """Answer every error: on /v1 in OpenRouter's shape, elsewhere in our own."""
    install_error_handlers(app)
    for kind, handler in list(app.exception_handlers.items()):
        app.add_exception_handler(kind, _reshaped(cast("Handler", handler)))


def _reshaped(ours: Handler) -> Handler:
    async def answer(request: Request, error: Exception) -> Response:
        response = await ours(request, error)
        if not request.url.path.startswith("/v1/"):
            return response
        told: dict[str, Any] = orjson.loads(response.body)["error"]
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        return JSONResponse(shaped(told, response.status_code), response.status_code, headers)

    return answer
