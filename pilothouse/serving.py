"""What our HTTP servers share: one error shape, one way to start, loopback unless told otherwise."""

import socket
from collections.abc import Awaitable, Callable

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pilothouse import log
from pilothouse.errors import PilothouseError, SettingsError

GRACEFUL_STOP_S = 5

Handler = Callable[[Request, Exception], Awaitable[Response]]


async def _ours(_: Request, error: Exception) -> Response:
    assert isinstance(error, PilothouseError)  # noqa: S101 -- registered for this class only
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None  # noqa: PLR2004 -- the HTTP status
    return JSONResponse(error.body(), status_code=error.status, headers=headers)


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 -- registered for this class only
    body = {"error": {"code": "http", "message": error.detail, "hint": ""}}
    return JSONResponse(body, status_code=error.status_code, headers=error.headers)


async def _unforeseen(request: Request, error: Exception) -> Response:
    log.get_logger().error("request.crashed", path=request.url.path, exc_info=error)
    body = {"error": {"code": "internal", "message": "something broke on our side", "hint": "bin/pilothouse logs"}}
    return JSONResponse(body, status_code=500)


def install_error_handlers(app: Starlette) -> None:
    """Answer every error in our one shape, never with a traceback."""
    app.add_exception_handler(PilothouseError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


def serve(app: Starlette, *, process: str, host: str, port: int) -> None:
    """Run until stopped; a taken port is one clear line, not a traceback."""
    log.configure(process)
    config = uvicorn.Config(
        app, access_log=False, log_level="warning", timeout_graceful_shutdown=GRACEFUL_STOP_S, server_header=False
    )
    with _bind(host, port, process) as listener:
        uvicorn.Server(config).run(sockets=[listener])


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
