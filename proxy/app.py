"""The proxy's routes: OpenAI-compatible, for callers with a key of ours."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pilothouse.db import make_pool, wait_until_reachable
from pilothouse.errors import BadInputError, TooLargeError
from pilothouse.keys import Callers
from pilothouse.outgoing import make_session
from pilothouse.settings import ProxySettings
from proxy import key_routes
from proxy.attempts import Attempts
from proxy.forward import Forwarder
from proxy.ledger import Ledger, ModelCall
from proxy.owner import Office
from proxy.refusals import install_refusals

MAX_BODY_BYTES = 8_000_000
MAX_FIELD_BYTES = 65_536  # of a provider's header: aiohttp's own 8 kB would throw the answer away that follows
MAX_NAME = 200
CLIENT_CLOSED_REQUEST = 499  # nginx's number; nobody is there to read it


@dataclass(frozen=True)
class Services:
    """What the routes use; made once at start."""

    callers: Callers
    ledger: Ledger
    forwarder: Forwarder


def create_app(settings: ProxySettings) -> Starlette:
    """The proxy as an ASGI app. Plain Starlette: bodies pass through as bytes, so there is nothing to model."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        async with (
            make_pool(settings.database_url) as pool,
            make_session(max_field_size=MAX_FIELD_BYTES) as session,
        ):
            await wait_until_reachable(pool)
            ledger = Ledger(pool)
            attempts = Attempts(deadline_s=settings.retry_deadline_s)
            forwarder = Forwarder(
                session=session,
                ledger=ledger,
                attempts=attempts,
                url=settings.upstream_url,
                key=settings.upstream_key,
            )
            app.state.services = Services(Callers(settings.key_secret, settings.callers), ledger, forwarder)
            app.state.office = Office.of(settings, pool)
            yield
            await ledger.finish()

    app = Starlette(
        lifespan=lifespan,
        routes=[
            Route("/health", health),
            Route("/v1/models", list_models),
            Route("/v1/key", show_key),
            Route("/v1/chat/completions", complete_chat, methods=["POST"]),
            Route("/v1/embeddings", embed, methods=["POST"]),
            *key_routes.ROUTES,
        ],
    )
    install_refusals(app)
    return app


def services(request: Request) -> Services:
    """What the lifespan made."""
    return request.app.state.services


def caller(request: Request) -> str:
    """The process that calls; 401 without a known key."""
    return services(request).callers.identify(request.headers.get("authorization"))


async def health(_: Request) -> Response:
    """Alive and able to reach the ledger at start."""
    return JSONResponse({"status": "ok"})


async def list_models(request: Request) -> Response:
    """The provider's models with their prices."""
    caller(request)
    return await services(request).forwarder.get("/models")


async def show_key(request: Request) -> Response:
    """The provider's view of our key: limit and what is left."""
    caller(request)
    return await services(request).forwarder.get("/key")


async def complete_chat(request: Request) -> Response:
    """One chat completion, streamed or not."""
    return await _post(request, "/chat/completions")


async def embed(request: Request) -> Response:
    """Embeddings of one or more texts."""
    return await _post(request, "/embeddings")


async def _post(request: Request, route: str) -> Response:
    name = caller(request)
    body = await request.body()
    if len(body) > MAX_BODY_BYTES:
        raise TooLargeError(f"a request may have {MAX_BODY_BYTES} bytes, this has {len(body)}", hint="send less")
    call = ModelCall(
        caller=name,
        run_id=_run_id(request),
        node=_node(request),
        route=route,
        asked_model=_asked_model(body),
    )
    # Not to be cut short by a client that leaves: half-written rows would be left behind.
    entry = await services(request).ledger.open(call)
    return await while_client_waits(request, services(request).forwarder.post(entry, [body]))


async def while_client_waits(request: Request, answer: Coroutine[Any, Any, Response]) -> Response:
    """Give up the upstream call when the client leaves before the answer has begun."""
    answering: asyncio.Task[Any] = asyncio.create_task(answer)
    leaving: asyncio.Task[Any] = asyncio.create_task(_leaves(request))
    try:
        await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            answering.cancel()
        return await answering
    except asyncio.CancelledError:
        return Response(status_code=CLIENT_CLOSED_REQUEST)
    finally:
        leaving.cancel()


async def _leaves(request: Request) -> None:
    """The body is read, so the next message says that the client is gone."""
    await request.receive()


def _asked_model(body: bytes) -> str:
    try:
        parsed: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadInputError("the body is not JSON", hint="see OpenAI's API reference") from error
    model = cast("dict[str, Any]", parsed).get("model") if isinstance(parsed, dict) else None
    if not isinstance(model, str) or not _is_name(model):
        raise BadInputError("'model' must name a model", hint="GET /v1/models lists them")
    return model


def _node(request: Request) -> str | None:
    node = request.headers.get("x-pilothouse-node")
    if node and not _is_name(node):
        raise BadInputError("X-Pilothouse-Node must be a node's name", hint="leave it out")
    return node


def _is_name(text: str) -> bool:
    """Fit for a column of the ledger; PostgreSQL takes no NUL."""
    return 0 < len(text) <= MAX_NAME and "\0" not in text


def _run_id(request: Request) -> UUID | None:
    given = request.headers.get("x-pilothouse-run")
    try:
        return UUID(given) if given else None
    except ValueError as error:
        raise BadInputError("X-Pilothouse-Run must be a run's id", hint="leave it out") from error
