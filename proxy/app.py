"""The proxy's routes: OpenAI-compatible, for callers with a key of ours."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pilothouse.clock import now
from pilothouse.db import make_pool, wait_until_reachable
from pilothouse.model_rules import FallbackModels, ProviderFloor
from pilothouse.outgoing import make_session
from pilothouse.settings import ProxySettings
from proxy import key_routes, reconcile, unsettled, usage
from proxy.attempts import Attempts
from proxy.budgets import Caps
from proxy.calls import ModelCall
from proxy.fallbacks import bodies_of_others
from proxy.floor import keep_floor
from proxy.forward import Forwarder
from proxy.keys import Key, Keys
from proxy.leaving import cancelled_when_client_leaves
from proxy.ledger import Ledger
from proxy.owner import Office, owner_of
from proxy.pricing import Prices
from proxy.quoting import Quote, quote_chat, quote_embeddings
from proxy.refusals import install_refusals
from proxy.requests import read_body, read_node, read_run_budget, read_run_id
from proxy.settling import Settling

MAX_FIELD_BYTES = 65_536  # of a provider's header: aiohttp's own 8 kB would throw the answer away that follows
CLIENT_CLOSED_REQUEST = 499  # nginx's number; nobody is there to read it


@dataclass(frozen=True)
class Services:
    """What the routes use; made once at start."""

    keys: Keys
    prices: Prices
    caps: Caps
    ledger: Ledger
    forwarder: Forwarder
    max_tokens: int
    fallback_models: FallbackModels
    floor: ProviderFloor


def create_app(settings: ProxySettings) -> Starlette:
    """The proxy as an ASGI app. Plain Starlette: bodies pass through as bytes, so there is nothing to model."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        async with (
            make_pool(settings.database_url) as pool,
            make_session(max_field_size=MAX_FIELD_BYTES) as session,
        ):
            await wait_until_reachable(pool)
            keys = Keys(pool, secret=settings.key_secret)
            await keys.enrol(settings.callers)
            ledger = Ledger(pool)
            forwarder = Forwarder(
                session=session,
                ledger=ledger,
                attempts=Attempts(deadline_s=settings.retry_deadline_s),
                url=settings.upstream_url,
                key=settings.upstream_key,
            )
            caps = Caps(settings.budget_usd, settings.budget_day_usd)
            app.state.office = Office(pool, settings.key_secret, owner_of(settings), keys, caps, forwarder)
            app.state.services = Services(
                keys=keys,
                prices=Prices(forwarder.fetch, stated=settings.prices),
                caps=caps,
                ledger=ledger,
                forwarder=forwarder,
                max_tokens=settings.max_tokens,
                fallback_models=settings.fallback_models,
                floor=settings.provider_floor,
            )
            settling = asyncio.create_task(Settling(pool, ledger=ledger, forwarder=forwarder).run())
            yield
            settling.cancel()
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
            *usage.ROUTES,
            *unsettled.ROUTES,
            *reconcile.ROUTES,
        ],
    )
    install_refusals(app)
    return app


def services(request: Request) -> Services:
    """What the lifespan made."""
    return request.app.state.services


async def caller(request: Request) -> Key:
    """Whose key was sent; 401 without a known one."""
    return await services(request).keys.identify(request.headers.get("authorization"))


async def health(_: Request) -> Response:
    """Alive and able to reach the ledger at start."""
    return JSONResponse({"status": "ok"})


async def list_models(request: Request) -> Response:
    """The provider's models with their prices."""
    await caller(request)
    return await services(request).forwarder.get("/models")


async def show_key(request: Request) -> Response:
    """For the stack's own processes the provider's view of our key; for a program, its own limit and spend."""
    key = await caller(request)
    if key.is_service:
        return await services(request).forwarder.get("/key")
    return JSONResponse({"data": await usage.describe_key(request.app.state.office, key)})


async def complete_chat(request: Request) -> Response:
    """One chat completion, streamed or not."""
    return await _post(request, "/chat/completions", scope="chat")


async def embed(request: Request) -> Response:
    """Embeddings of one or more texts."""
    return await _post(request, "/embeddings", scope="embeddings")


async def _post(request: Request, route: str, *, scope: str) -> Response:
    key = await caller(request)
    asked = keep_floor(services(request).floor, await read_body(request))

    async def quote_one(sent: Mapping[str, Any]) -> Quote:
        key.require(scope, model=sent["model"])
        return await _quote(request, sent, scope=scope)

    quote = await quote_one(asked)
    others = services(request).fallback_models.get(asked["model"], ()) if scope == "chat" else ()
    bodies = [quote.body, *await bodies_of_others(others, asked, quote, quote_one=quote_one)]
    run_id = read_run_id(request) if key.is_service else None  # nobody else may spend in a run's name
    run_usd = read_run_budget(request) if key.is_service else None
    call = ModelCall(
        key_id=key.id,
        caller=key.name,
        run_id=run_id,
        node=read_node(request),
        route=route,
        asked_model=asked["model"],
        price=quote.price,
        most_usd=quote.most_usd,
        budgets=services(request).caps.of(key, run_id=run_id, run_usd=run_usd, now=now()),
    )
    # Not to be cut short by a client that leaves: half-written rows would be left behind.
    entry = await services(request).ledger.open(call)
    return await while_client_waits(request, services(request).forwarder.post(entry, bodies))


async def _quote(request: Request, asked: Mapping[str, Any], *, scope: str) -> Quote:
    price = await services(request).prices.of(asked["model"])
    if scope == "embeddings":
        return quote_embeddings(asked, price)
    return quote_chat(asked, price, max_tokens=services(request).max_tokens)


async def while_client_waits(request: Request, answer: Coroutine[Any, Any, Response]) -> Response:
    """Give up the upstream call when the client leaves before the answer has begun."""
    try:
        with cancelled_when_client_leaves(request.receive):
            return await answer
    except asyncio.CancelledError:
        return Response(status_code=CLIENT_CLOSED_REQUEST)
