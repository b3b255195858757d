"""What a market is to the routes: minutes of prices, and everything larger added up from them."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SECONDS_PER_MINUTE = 60
MINUTES_PER_DAY = 1440
INTERVALS = {  # Binance's names, up to a day
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30,
    "1h": 60, "2h": 120, "4h": 240, "6h": 360, "8h": 480, "12h": 720, "1d": MINUTES_PER_DAY,
}  # fmt: skip


@dataclass(frozen=True)
class Candles:
    """Columns of candles, one row each, oldest first. `minute` counts from 1970."""

    minute: NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


class Market(Protocol):
    """Prices by the minute: the same minute always has the same candle."""

    @property
    def notice(self) -> str:
        """What kind of prices these are, in words."""
        ...

    @property
    def pairs(self) -> tuple[str, ...]:
        """The pairs traded here, as BASE/QUOTE."""
        ...

    def decimals(self, pair: str) -> int:
        """Digits after the point of this pair's prices."""
        ...

    def minutes(self, pair: str, *, first: int, count: int) -> Candles:
        """`count` whole minutes from minute `first`."""
        ...


def candles(market: Market, pair: str, *, interval: int, first: int, count: int, now_s: float) -> Candles:
    """`count` candles of `interval` minutes from minute `first`; nothing after now, the last one still running."""
    this_minute = int(now_s // SECONDS_PER_MINUTE)
    minutes = min(count * interval, this_minute - first + 1)
    if minutes <= 0:
        return _group(market.minutes(pair, first=first, count=0), interval)
    rows = market.minutes(pair, first=first, count=minutes)
    if first + minutes > this_minute:
        rows = _cut_last(rows, elapsed=now_s % SECONDS_PER_MINUTE / SECONDS_PER_MINUTE, decimals=market.decimals(pair))
    return _group(rows, interval)


def price_at(market: Market, pair: str, *, now_s: float) -> float:
    """The price at this very moment."""
    minute = int(now_s // SECONDS_PER_MINUTE)
    return float(candles(market, pair, interval=1, first=minute, count=1, now_s=now_s).close[-1])


def _cut_last(rows: Candles, *, elapsed: float, decimals: int) -> Candles:
    """The last minute as far as it went: its price walks from open over both extremes to close."""
    corners = _path(rows)
    passed = corners[: int(elapsed * 3) + 1]
    last = round(float(np.interp(elapsed * 3, range(4), corners)), decimals)
    volume = round(float(rows.volume[-1]) * elapsed, 6)
    return Candles(
        minute=rows.minute,
        open=rows.open,
        high=np.append(rows.high[:-1], max(*passed, last)),
        low=np.append(rows.low[:-1], min(*passed, last)),
        close=np.append(rows.close[:-1], last),
        volume=np.append(rows.volume[:-1], volume),
    )


def _path(rows: Candles) -> list[float]:
    first, high, low, last = (float(column[-1]) for column in (rows.open, rows.high, rows.low, rows.close))
    return [first, low, high, last] if last >= first else [first, high, low, last]


def _group(rows: Candles, interval: int) -> Candles:
    """Add whole minutes up to candles; the last group may be short."""
    starts = np.arange(0, len(rows.minute), interval)
    if interval == 1 or not len(starts):
        return rows
    ends = np.append(starts[1:], len(rows.minute)) - 1
    return Candles(
        minute=rows.minute[starts],
        open=rows.open[starts],
        high=np.maximum.reduceat(rows.high, starts),
        low=np.minimum.reduceat(rows.low, starts),
        close=rows.close[ends],
        volume=np.add.reduceat(rows.volume, starts).astype(np.float64),
    )
