"""OpenRouter's error shape: `{"error": {"code", "message", "metadata"}}`, the HTTP status equal to the code."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

UNFORESEEN = 500


class RefusedError(Exception):
    """The call is refused before a model saw it: nothing is produced, nothing is billed."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        metadata: dict[str, Any] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.metadata = metadata or {}
        self.headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}


def error_body(code: int, message: str, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    """The object OpenRouter puts under `error`; metadata only when there is some."""
    body: dict[str, Any] = {"code": code, "message": message}
    return body | ({"metadata": metadata} if metadata else {})


async def answer_refusal(_: Request, error: Exception) -> Response:
    """Turn every error into the one shape, with its status."""
    if isinstance(error, RefusedError):
        body = {"error": error_body(error.code, error.message, error.metadata)}
        return JSONResponse(body, status_code=error.code, headers=error.headers)
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error_body(error.status_code, error.detail)}, status_code=error.status_code)
    return JSONResponse({"error": error_body(UNFORESEEN, "Internal Server Error")}, status_code=UNFORESEEN)
