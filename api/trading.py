"""GET /api/trading/...: what the broker knows, for people's keys. The broker decides what may be read."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from api.access import Key, needs
from api.refusals import refusals
from api.requests import STRICT
from tools.broker_client import Balance, Candles, Performance, Profit, Status, Trades, TradingClient

router = APIRouter(prefix="/api/trading", tags=["trading"], dependencies=STRICT)

REFUSALS = refusals(
    {
        404: "the bot knows no such pair or timeframe",
        502: "Freqtrade refused or answered something unreadable",
        503: "the broker, Freqtrade or the database cannot be reached",
        504: "Freqtrade did not answer in time",
    }
)
MAX_TRADES = 500  # as many as the broker gives
MAX_CANDLES = 1000
TRADE = {
    "trade_id": 1,
    "pair": "ETH/USDT",
    "stake_amount": "49.99",
    "open_rate": "1729.77",
    "profit_abs": "-0.14",
    "profit_ratio": "-0.0029",
    "opened_at": "2026-11-24T08:00:00Z",
}
MARKET = {"prices": "simulated", "warning": ""}


def example(value: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """The route's answers as OpenAPI shows them."""
    return {200: {"content": {"application/json": {"example": value}}}, **REFUSALS}


async def broker(request: Request) -> TradingClient:
    """The client the tools use too."""
    return request.app.state.broker


Reader = Annotated[Key, Depends(needs("trading:read"))]
Broker = Annotated[TradingClient, Depends(broker)]


@router.get(
    "/status",
    responses=example({"trades": [{**TRADE, "amount": "0.0289", "current_rate": "1728.26"}], **MARKET}),
)
async def status(_: Reader, broker: Broker) -> Status:
    """Open trades."""
    return await broker.status()


@router.get("/balance", responses=example({"currency": "USDT", "total": "1000", "complete": True, **MARKET}))
async def balance(_: Reader, broker: Broker) -> Balance:
    """What the bot holds; `complete` is false while the exchange cannot be asked."""
    return await broker.balance()


@router.get("/profit", responses=example({"currency": "USDT", "closed_profit_abs": "1.25", "trade_count": 7, **MARKET}))
async def profit(_: Reader, broker: Broker) -> Profit:
    """Profit so far."""
    return await broker.profit()


@router.get("/trades", responses=example({"trades": [{**TRADE, "is_open": True}], "total": 1}))
async def trades(_: Reader, broker: Broker, limit: Annotated[int, Query(ge=1, le=MAX_TRADES)] = 50) -> Trades:
    """The latest trades, open and closed."""
    return await broker.trades(limit=limit)


@router.get(
    "/performance",
    responses=example({"pairs": [{"pair": "ETH/USDT", "profit_abs": "1.25", "profit_ratio": "0.02", "count": 3}]}),
)
async def performance(_: Reader, broker: Broker) -> Performance:
    """Profit by pair."""
    return await broker.performance()


@router.get(
    "/candles", responses=example({"pair": "ETH/USDT", "timeframe": "1m", "candles": [], "prices": "simulated"})
)
async def candles(
    _: Reader,
    broker: Broker,
    pair: Annotated[str, Query(min_length=3, max_length=30, examples=["ETH/USDT"])],
    timeframe: Annotated[str, Query(max_length=5, examples=["1m"])] = "1m",
    limit: Annotated[int, Query(ge=1, le=MAX_CANDLES)] = 100,
) -> Candles:
    """The latest candles of one pair, oldest first."""
    return await broker.candles(pair=pair, timeframe=timeframe, limit=limit)
