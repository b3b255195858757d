"""Invented prices: a candle is a pure function of seed, pair and minute, so it is the same after every restart.

The logarithm of the price is a sum of smooth noises whose periods double from one minute to two years. Each is read
off a hash, so any minute of any year costs the same, and together they wander about as much as real prices do.
"""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.exchange.magnitudes import base_price, price_decimals, usd
from simulators.exchange.market import Candles, Floats

PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "LTC/USDT")
OCTAVES = 21
SWING = 0.0013  # of the shortest noise; gives about 0.08 % a minute and 60 % a year
WICK = 0.0004
MEAN_MINUTE_USD = 400_000.0

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class SeededMarket:
    """A market that never existed."""

    seed: int
    pairs: tuple[str, ...] = PAIRS
    notice: str = "simulated prices: invented from a seed, no market ever paid them"

    def decimals(self, pair: str) -> int:
        """As many digits as Binance would show."""
        return price_decimals(base_price(pair))

    def minutes(self, pair: str, *, first: int, count: int) -> Candles:
        """`count` whole minutes from minute `first`; each opens where the one before closed."""
        minute = np.arange(first, first + count + 1, dtype=np.int64)
        level = np.round(base_price(pair) * np.exp(self._log_level(pair, minute)), self.decimals(pair))
        opened, closed = level[:-1], level[1:]
        above, below, traded = (self._random(f"{pair} {what}", minute[:-1]) for what in ("above", "below", "traded"))
        return Candles(
            minute=minute[:-1],
            open=opened,
            high=np.round(np.maximum(opened, closed) * (1 + WICK * above), self.decimals(pair)),
            low=np.round(np.minimum(opened, closed) * (1 - WICK * below), self.decimals(pair)),
            close=closed,
            volume=np.round(MEAN_MINUTE_USD / usd(pair.partition("/")[0]) * np.exp(2 * traded - 1), 6),
        )

    def _log_level(self, pair: str, minute: NDArray[np.int64]) -> Floats:
        total = np.zeros(len(minute))
        for octave in range(OCTAVES):
            period = 1 << octave
            knot, share = minute // period, (minute % period) / period
            before, after = (self._random(f"{pair} {octave}", each) for each in (knot, knot + 1))
            total += SWING * math.sqrt(period) * (before + (after - before) * share * share * (3 - 2 * share) - 0.5)
        return total

    def _random(self, stream: str, index: NDArray[np.int64]) -> Floats:
        """Numbers from 0 to 1, each decided by seed, stream and index alone (splitmix64)."""
        start = int.from_bytes(hashlib.sha256(f"{self.seed} {stream}".encode()).digest()[:8], "big")
        mixed: Hashes = index.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(start)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return (mixed ^ (mixed >> np.uint64(31))).astype(np.float64) / float(2**64)
