"""The broker's composition, and its routes that read Freqtrade: all for callers with a key of ours."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from broker import approval_routes, intent_routes
from broker.approvers import Approvers
from broker.audit import Audit
from broker.books import Books
from broker.decisions import Decisions
from broker.freqtrade import Freqtrade
from broker.readings import Readings
from broker.reporting import make_views
from broker.services import Called, Services, services
from broker.views import BalanceView, CandlesView, HealthView, PerformanceView, ProfitView, StatusView, TradesView
from pilothouse.db import make_pool, wait_until_reachable
from pilothouse.keys import Callers
from pilothouse.outgoing import make_session
from pilothouse.serving import install_error_handlers
from pilothouse.settings import BrokerSettings

POOL_SIZE = 2
MAX_TRADES = 500
MAX_CANDLES = 1000


def create_app(settings: BrokerSettings) -> FastAPI:
    """The broker as an ASGI app."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with make_pool(settings.database_url, size=POOL_SIZE) as pool, make_session() as session:
            await wait_until_reachable(pool)
            freqtrade = Freqtrade(
                session,
                url=settings.freqtrade_url,
                username=settings.freqtrade_username,
                password=settings.freqtrade_password,
            )
            readings = Readings(freqtrade)
            audit = Audit(pool, key=settings.audit_key.encode(), folder=settings.data)
            books = Books(pool, audit)
            approvers = Approvers(pool, audit, pairing_secret=settings.pairing_secret)
            app.state.services = Services(
                callers=Callers(settings.key_secret, settings.callers),
                readings=readings,
                books=books,
                approvers=approvers,
                decisions=Decisions(books, approvers),
            )
            views = asyncio.create_task(make_views(pool, freqtrade))
            yield
            views.cancel()
            with suppress(asyncio.CancelledError):
                await views
            await readings.close()

    app = FastAPI(title="Pilothouse broker", docs_url=None, redoc_url=None, lifespan=lifespan)
    install_error_handlers(app, payload_error=RequestValidationError)
    app.get("/health", responses={503: {"model": HealthView}})(show_health)
    for router in (_reads(), intent_routes.router, approval_routes.router):
        app.include_router(router)
    return app


def readings(services: Called) -> Readings:
    """Only for a caller with a key."""
    return services.readings


Reads = Annotated[Readings, Depends(readings)]


def _reads() -> APIRouter:
    router = APIRouter()
    router.get("/status")(show_status)
    router.get("/balance")(show_balance)
    router.get("/profit")(show_profit)
    router.get("/trades")(list_trades)
    router.get("/performance")(show_performance)
    router.get("/candles")(list_candles)
    return router


async def show_health(request: Request, response: Response) -> HealthView:
    """Healthy only while Freqtrade answers and follows the market."""
    health = await services(request).readings.health()
    response.status_code = 200 if health.status == "ok" else 503
    return health


async def show_status(reads: Reads) -> StatusView:
    """The open trades."""
    return await reads.status()


async def show_balance(reads: Reads) -> BalanceView:
    """What the bot owns."""
    return await reads.balance()


async def show_profit(reads: Reads) -> ProfitView:
    """The bot's record since its first trade."""
    return await reads.profit()


async def list_trades(reads: Reads, limit: Annotated[int, Query(ge=1, le=MAX_TRADES)] = 50) -> TradesView:
    """The latest trades, open and closed."""
    return await reads.trades(limit=limit)


async def show_performance(reads: Reads) -> PerformanceView:
    """Closed trades by pair."""
    return await reads.performance()


async def list_candles(
    reads: Reads,
    pair: Annotated[str, Query(min_length=1, max_length=30, examples=["BTC/USDT"])],
    timeframe: Annotated[
        str | None, Query(min_length=1, max_length=5, description="the bot's own, if not given")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_CANDLES)] = 100,
) -> CandlesView:
    """The latest candles of one of the bot's pairs."""
    return await reads.candles(pair=pair, timeframe=timeframe, limit=limit)
