"""The broker's app, and its routes that read Freqtrade: all for callers with a key of ours."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from broker import approval_routes, audit_routes, ending_routes, halt_routes, intent_routes, link_routes
from broker.composition import open_services
from broker.policy import CurrentPolicy
from broker.readings import Readings
from broker.services import Called, services
from broker.views import BalanceView, CandlesView, HealthView, PerformanceView, ProfitView, StatusView, TradesView
from pilothouse.serving import install_error_handlers
from pilothouse.settings import BrokerSettings

MAX_TRADES = 500
MAX_CANDLES = 1000


def create_app(settings: BrokerSettings) -> FastAPI:
    """The broker as an ASGI app."""
    policy = CurrentPolicy(settings.policy)  # a file that is wrong keeps the broker from starting

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            app.state.services = await open_services(settings, policy, stack)
            yield

    app = FastAPI(title="Pilothouse broker", docs_url=None, redoc_url=None, lifespan=lifespan)
    install_error_handlers(app, payload_error=RequestValidationError)
    app.get("/health", responses={503: {"model": HealthView}})(show_health)
    routes = (intent_routes, approval_routes, link_routes, halt_routes, audit_routes, ending_routes)
    for router in (_reads(), *(each.router for each in routes)):
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
