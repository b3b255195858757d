"""The broker as a client sees it: its read routes, typed; its errors become ours, with their own words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import aiohttp
from pydantic import BaseModel, Field, ValidationError

from pilothouse.errors import (
    BadInputError,
    ConflictError,
    ForbiddenError,
    GoneError,
    NotFoundError,
    PilothouseError,
    TimedOutError,
    UnauthorizedError,
    UnavailableError,
    UpstreamError,
)
from pilothouse.outgoing import until_reached

RESTART_WAIT_S = 3  # the supervisor has a killed broker back within two
TIMEOUT = aiohttp.ClientTimeout(total=10)  # the broker answers within about 5 s, whatever happens
HINT = "bin/pilothouse status, bin/pilothouse logs broker"
ERRORS: dict[int, type[PilothouseError]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: GoneError,
    422: BadInputError,
    503: UnavailableError,
    504: TimedOutError,
}

View = TypeVar("View", bound=BaseModel)
Query = Mapping[str, str | int | Sequence[str]]


class OpenTrade(BaseModel):
    """A trade that is open now."""

    trade_id: int
    pair: str
    stake_amount: str
    amount: str
    open_rate: str
    current_rate: str | None
    profit_abs: str | None
    profit_ratio: str | None
    opened_at: datetime


class Status(BaseModel):
    """The open trades."""

    trades: list[OpenTrade]
    prices: str
    warning: str


class Asset(BaseModel):
    """One currency the bot holds."""

    currency: str
    balance: str
    est_stake: str


class Balance(BaseModel):
    """What the bot owns."""

    currency: str
    total: str
    free: str
    in_trades: str
    complete: bool
    as_of: datetime
    assets: list[Asset]
    dry_run: bool
    prices: str
    warning: str


class Profit(BaseModel):
    """The bot's record."""

    currency: str
    closed_profit_abs: str
    closed_profit_ratio: str
    open_profit_abs: str | None
    trade_count: int
    closed_trade_count: int
    winning_trades: int
    losing_trades: int
    win_ratio: str | None
    max_drawdown_ratio: str | None
    best_pair: str | None
    first_trade_at: datetime | None
    latest_trade_at: datetime | None
    dry_run: bool
    prices: str
    warning: str


class Trade(BaseModel):
    """A trade, open or closed."""

    trade_id: int
    pair: str
    is_open: bool
    stake_amount: str
    open_rate: str
    close_rate: str | None
    profit_abs: str | None
    profit_ratio: str | None
    opened_at: datetime
    closed_at: datetime | None
    exit_reason: str | None


class Trades(BaseModel):
    """The latest trades."""

    trades: list[Trade]
    total: int


class PairPerformance(BaseModel):
    """One pair's record."""

    pair: str
    profit_abs: str
    profit_ratio: str
    count: int


class Performance(BaseModel):
    """Profit by pair."""

    pairs: list[PairPerformance]


class Candle(BaseModel):
    """One finished candle."""

    opened_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class Candles(BaseModel):
    """The latest candles of a pair, oldest first."""

    pair: str
    timeframe: str
    candles: list[Candle] = Field(min_length=1)
    prices: str


class RefusalText(BaseModel):
    """What is wrong and what to do."""

    message: str
    hint: str = ""


class Refusal(BaseModel):
    """The one error shape of our APIs."""

    error: RefusalText


@dataclass(frozen=True)
class TradingClient:
    """The broker's routes: nothing that it would harm to ask twice."""

    session: aiohttp.ClientSession
    url: str
    key: str
    restart_wait_s: float = RESTART_WAIT_S

    async def status(self) -> Status:
        """The open trades."""
        return await self.ask("/status", Status)

    async def balance(self) -> Balance:
        """What the bot owns."""
        return await self.ask("/balance", Balance)

    async def profit(self) -> Profit:
        """The bot's record."""
        return await self.ask("/profit", Profit)

    async def trades(self, *, limit: int) -> Trades:
        """The latest trades."""
        return await self.ask("/trades", Trades, {"limit": limit})

    async def performance(self) -> Performance:
        """Profit by pair."""
        return await self.ask("/performance", Performance)

    async def candles(self, *, pair: str, limit: int, timeframe: str | None = None) -> Candles:
        """The latest candles of a pair, in the bot's own timeframe if none is given."""
        chosen = {} if timeframe is None else {"timeframe": timeframe}
        return await self.ask("/candles", Candles, {"pair": pair, "limit": limit, **chosen})

    async def ask(
        self,
        path: str,
        shape: type[View],
        query: Query | None = None,
        *,
        body: Mapping[str, Any] | None = None,
    ) -> View:
        """One route's answer: GET, or POST with a body, which the broker must take as one when it comes twice."""
        status, answer = await self._send(path, query or {}, body)
        if status not in (200, 201):
            raise _refusal(status, answer)
        try:
            return shape.model_validate_json(answer)
        except ValidationError as error:
            raise UpstreamError(f"the broker's answer to {path} is not readable", hint=HINT) from error

    async def _send(self, path: str, query: Query, body: Mapping[str, Any] | None) -> tuple[int, bytes]:
        """Waits a little for a broker that is being started again."""
        return await until_reached(
            lambda: self._send_once(path, query, body), unreachable=UnavailableError, wait_s=self.restart_wait_s
        )

    async def _send_once(self, path: str, query: Query, body: Mapping[str, Any] | None) -> tuple[int, bytes]:
        method, headers = "GET" if body is None else "POST", {"Authorization": f"Bearer {self.key}"}
        try:
            async with self.session.request(
                method, self.url + path, params=query, json=body, headers=headers, timeout=TIMEOUT
            ) as response:
                return response.status, await response.read()
        except TimeoutError as error:
            raise TimedOutError("the broker did not answer in time", hint=HINT) from error
        except aiohttp.ClientError as error:
            raise UnavailableError("the broker cannot be reached", hint=HINT) from error


def _refusal(status: int, body: bytes) -> PilothouseError:
    kind = ERRORS.get(status, UpstreamError)
    try:
        given = Refusal.model_validate_json(body).error
    except ValidationError:
        return kind(f"the broker answered with HTTP {status}", hint=HINT)
    return kind(given.message, hint=given.hint)
