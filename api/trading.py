"""GET /api/trading/...: the broker's read routes, relayed for people's keys. The broker decides what may be read."""

from typing import Annotated, Any

import aiohttp
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.access import Key, needs
from api.schemas import ErrorView
from pilothouse.errors import TimedOutError, UnavailableError

router = APIRouter(prefix="/api/trading", tags=["trading"])

TIMEOUT = aiohttp.ClientTimeout(total=15)
RESPONSES: dict[int | str, dict[str, Any]] = {
    401: {"model": ErrorView},
    403: {"model": ErrorView},
    404: {"model": ErrorView},
    503: {"model": ErrorView, "description": "the broker or Freqtrade cannot be reached"},
}
Reader = Annotated[Key, Depends(needs("trading:read"))]


@router.get("/status", response_model=dict[str, Any], responses=RESPONSES)
async def status(request: Request, _: Reader) -> Response:
    """Open trades."""
    return await _relay(request, "/status")


@router.get("/balance", response_model=dict[str, Any], responses=RESPONSES)
async def balance(request: Request, _: Reader) -> Response:
    """What the bot holds; `complete` is false while the exchange cannot be asked."""
    return await _relay(request, "/balance")


@router.get("/profit", response_model=dict[str, Any], responses=RESPONSES)
async def profit(request: Request, _: Reader) -> Response:
    """Profit so far."""
    return await _relay(request, "/profit")


@router.get("/trades", response_model=dict[str, Any], responses=RESPONSES)
async def trades(request: Request, _: Reader, limit: int = 50) -> Response:
    """Trades, open and closed."""
    return await _relay(request, "/trades", {"limit": str(limit)})


@router.get("/performance", response_model=dict[str, Any], responses=RESPONSES)
async def performance(request: Request, _: Reader) -> Response:
    """Profit by pair."""
    return await _relay(request, "/performance")


@router.get("/candles", response_model=dict[str, Any], responses=RESPONSES)
async def candles(request: Request, _: Reader, pair: str, timeframe: str = "1m", limit: int = 100) -> Response:
    """Candles of one pair."""
    return await _relay(request, "/candles", {"pair": pair, "timeframe": timeframe, "limit": str(limit)})


async def _relay(request: Request, path: str, query: dict[str, str] | None = None) -> Response:
    session: aiohttp.ClientSession = request.app.state.session
    url = request.app.state.services["broker"] + path
    try:
        async with session.get(
            url, params=query, headers=request.app.state.broker_headers, timeout=TIMEOUT
        ) as response:
            return Response(await response.read(), response.status, media_type="application/json")
    except aiohttp.ClientError as error:
        raise UnavailableError("the broker cannot be reached", hint="bin/pilothouse status") from error
    except TimeoutError as error:
        raise TimedOutError("the broker did not answer in time", hint="bin/pilothouse logs broker") from error
