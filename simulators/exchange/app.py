"""The twin's routes: five of Binance's, and three of its own to look at and to break it."""

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request
from starlette.responses import JSONResponse, Response

from simulators.exchange import binance
from simulators.exchange.faults import Faults, Switch
from simulators.exchange.market import INTERVALS, SECONDS_PER_MINUTE, Market, candles

MAX_KLINES = 1000
LABEL = "X-Simulated-Prices"


class RefusedError(Exception):
    """Binance's refusal: HTTP 400 with a code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.body = {"code": code, "msg": message}


@dataclass(frozen=True)
class Exchange:
    """What the routes use."""

    market: Market
    faults: Faults = field(default_factory=Faults)
    now_s: Callable[[], float] = time.time

    def pair(self, symbol: str) -> str:
        """The pair behind Binance's symbol."""
        found = [pair for pair in self.market.pairs if binance.symbol_of(pair) == symbol]
        if not found:
            raise RefusedError(-1121, "Invalid symbol.")
        return found[0]


def create_app(exchange: Exchange) -> FastAPI:
    """The twin as an ASGI app."""
    app = FastAPI(title="Exchange twin", docs_url=None, redoc_url=None)

    @app.middleware("http")
    async def label_and_fail(request: Request, proceed: Callable[[Request], Awaitable[Response]]) -> Response:
        failure = await exchange.faults.answer() if request.url.path.startswith("/api/") else None
        response = failure or await proceed(request)
        response.headers[LABEL] = exchange.market.notice
        return response

    @app.exception_handler(RefusedError)
    async def refuse(_: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError)  # noqa: S101 -- registered for this class only
        return JSONResponse(error.body, 400)

    # FastAPI calls these by registration.
    _ = label_and_fail, refuse
    app.include_router(_binance_routes(exchange))
    app.include_router(_own_routes(exchange))
    return app


def _binance_routes(exchange: Exchange) -> APIRouter:
    router = APIRouter(prefix="/api/v3")
    market, now_s = exchange.market, exchange.now_s

    @router.get("/time")
    def show_time() -> dict[str, int]:
        return {"serverTime": int(now_s() * 1000)}

    @router.get("/exchangeInfo")
    def show_symbols() -> dict[str, Any]:
        symbols = [binance.describe(market, pair) for pair in market.pairs]
        return {"timezone": "UTC", **show_time(), "rateLimits": [], "exchangeFilters": [], "symbols": symbols}

    @router.get("/depth")
    def show_depth(symbol: str, limit: Annotated[int, Query(ge=1)] = 100) -> dict[str, Any]:
        pair = exchange.pair(symbol)
        return binance.depth(market, pair, limit=limit, now_s=now_s(), flight=exchange.faults.flight(pair))

    @router.get("/ticker/24hr")
    def show_ticker(symbol: str | None = None, symbols: str | None = None) -> Any:
        if symbol:
            return binance.ticker(market, exchange.pair(symbol), now_s=now_s())
        pairs = [exchange.pair(each) for each in json.loads(symbols)] if symbols else market.pairs
        return [binance.ticker(market, pair, now_s=now_s()) for pair in pairs]

    @router.get("/klines")
    def show_klines(
        symbol: str,
        interval: str,
        limit: Annotated[int, Query(ge=1)] = 500,
        start_ms: Annotated[int | None, Query(alias="startTime", ge=0)] = None,
        end_ms: Annotated[int | None, Query(alias="endTime", ge=0)] = None,
    ) -> list[list[Any]]:
        if interval not in INTERVALS:
            raise RefusedError(-1120, "Invalid interval.")
        pair, minutes = exchange.pair(symbol), INTERVALS[interval]
        last = _floor(min(now_s() * 1000, end_ms or float("inf")), minutes)
        wanted = min(limit, MAX_KLINES)
        first = last - (wanted - 1) * minutes if start_ms is None else -_floor(-start_ms, minutes)
        count = min(wanted, (last - first) // minutes + 1)
        rows = candles(market, pair, interval=minutes, first=first, count=count, now_s=now_s())
        return binance.klines(market, pair, rows, minutes)

    _ = show_symbols, show_depth, show_ticker, show_klines
    return router


def _own_routes(exchange: Exchange) -> APIRouter:
    router = APIRouter()

    @router.get("/health")
    def show_health() -> dict[str, Any]:
        market = exchange.market
        return {"status": "ok", "notice": market.notice, "pairs": market.pairs, "mode": exchange.faults.mode}

    @router.get("/twin/mode")
    def show_mode() -> Switch:
        return Switch(mode=exchange.faults.mode)

    @router.post("/twin/mode")
    def switch_mode(switch: Switch) -> Switch:
        exchange.faults.switch(switch.mode)
        return switch

    _ = show_health, show_mode, switch_mode
    return router


def _floor(instant_ms: float, minutes: int) -> int:
    """The minute in which the candle around this instant opened."""
    return int(instant_ms // (minutes * SECONDS_PER_MINUTE * 1000)) * minutes
