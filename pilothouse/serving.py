"""What our HTTP servers share: one error shape, one way to start, loopback unless told otherwise."""

import gc
import logging
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar, cast

import psycopg
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pilothouse import log
from pilothouse.errors import BadInputError, PilothouseError, SettingsError, UnavailableError
from pilothouse.settings import ServerSettings

GRACEFUL_STOP_S = 2
HINTS = {400: "send JSON in UTF-8", 404: "see /openapi.json for what is here", 405: "see /openapi.json for the methods"}

Handler = Callable[[Request, Exception], Awaitable[Response]]


async def _ours(_: Request, error: Exception) -> Response:
    assert isinstance(error, PilothouseError)  # noqa: S101 -- registered for this class only
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None  # noqa: PLR2004 -- the HTTP status
    return JSONResponse(error.body(), status_code=error.status, headers=headers)


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 -- registered for this class only
    hint = HINTS.get(error.status_code, "")
    body = {"error": {"code": "http", "message": error.detail, "hint": hint}}
    return JSONResponse(body, status_code=error.status_code, headers=error.headers)


async def _unforeseen(request: Request, error: Exception) -> Response:
    log.get_logger().error("request.crashed", path=request.url.path, exc_info=error)
    body = {"error": {"code": "internal", "message": "something broke on our side", "hint": "bin/pilothouse logs"}}
    return JSONResponse(body, status_code=500)


async def _without_database(request: Request, error: Exception) -> Response:
    """PostgreSQL is away, or broke off: the caller's news, and one line of ours."""
    reason = str(error).strip().partition("\n")[0]
    log.get_logger().warning("database.unreachable", path=request.url.path, reason=reason)
    said = UnavailableError(
        "the database cannot be reached", hint="bin/pilothouse status, bin/pilothouse logs postgres"
    )
    return JSONResponse(said.body(), status_code=said.status)


class PayloadError(Protocol):
    """FastAPI's RequestValidationError, which the kernel does not import."""

    def errors(self) -> Sequence[Any]:
        """Each with `loc` and `msg`."""
        ...


async def _unusable(_: Request, error: Exception) -> Response:
    """A payload that does not fit: says which field and why, and never sends the payload back."""
    problems = "; ".join(_problem(each) for each in cast("PayloadError", error).errors())
    said = BadInputError(problems, hint="see /openapi.json for the expected shape")
    return JSONResponse(said.body(), status_code=said.status)


def _problem(problem: dict[str, Any]) -> str:
    if problem["type"] == "json_invalid":
        return f"the body is not JSON: {problem['ctx']['error']}"
    if problem["type"] == "model_attributes_type" and problem["loc"] == ("body",):
        return "the body must be a JSON object, with Content-Type: application/json"
    where = ".".join(str(part) for part in problem["loc"] if part not in ("body", "query")) or "body"
    return f"{where}: {problem['msg']}"


def install_error_handlers(app: Starlette, *, payload_error: type[Exception] | None = None) -> None:
    """Answer every error in our one shape, never with a traceback. `payload_error`: FastAPI's own."""
    if payload_error is not None:
        app.add_exception_handler(payload_error, _unusable)
    app.add_exception_handler(PilothouseError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(psycopg.OperationalError, _without_database)  # that a pool gave none in time is one too
    app.add_exception_handler(Exception, _unforeseen)


Settings = TypeVar("Settings", bound=ServerSettings)


def run_process(process: str, settings_class: type[Settings], create_app: Callable[[Settings], Starlette]) -> None:
    """A process's whole main: settings, app, server. What keeps it from starting is one line, not a traceback."""
    try:
        settings = settings_class.load()
        serve(create_app(settings), process=process, host=settings.host, port=settings.port)
    except SettingsError as error:
        sys.exit(f"{process}: {error.message} ({error.hint})")


def serve(app: Starlette, *, process: str, host: str, port: int) -> None:
    """Run until stopped; a taken port is one clear line, not a traceback."""
    log.configure(process)
    logging.getLogger("uvicorn.error").addFilter(_last_line_of_traceback)
    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACEFUL_STOP_S,
    )
    server = uvicorn.Server(config)
    gc.freeze()  # what is imported stays for good: the collector need not look at it again and again
    with _bind(host, port, process) as listener:
        server.run(sockets=[listener])
    if not server.started:
        sys.exit(1)


def _last_line_of_traceback(record: logging.LogRecord) -> bool:
    """A start that failed is one clear line; uvicorn would print the whole traceback."""
    if isinstance(record.msg, str) and record.msg.startswith("Traceback"):
        record.msg = record.msg.strip().splitlines()[-1]
    return True


def _bind(host: str, port: int, process: str) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise SettingsError(
            f"{process} cannot listen on {host}:{port}: {error.strerror}",
            hint="stop what uses the port, or set another one (see .env.example)",
        ) from error
    return listener
