"""Recorded prices: Freqtrade feather files, replayed with one recorded candle a wall-clock minute, round and round.

Time is compressed on purpose: Freqtrade's smallest timeframe is a minute, and a 5-minute candle a minute shows more.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simulators.exchange.magnitudes import price_decimals
from simulators.exchange.market import Candles, Floats

COLUMNS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class RecordedMarket:
    """Real candles of another time."""

    tapes: dict[str, dict[str, Floats]]
    length: int  # of the shortest tape: all pairs stay at the same recorded moment
    notice: str = "recorded prices: real ones of another time, one recorded candle a minute"

    @property
    def pairs(self) -> tuple[str, ...]:
        """The pairs found in the folder."""
        return tuple(sorted(self.tapes))

    def decimals(self, pair: str) -> int:
        """As many digits as Binance would show."""
        return price_decimals(float(self.tapes[pair]["close"][0]))

    def minutes(self, pair: str, *, first: int, count: int) -> Candles:
        """The recorded candles that these minutes stand for."""
        minute = np.arange(first, first + count, dtype=np.int64)
        tape = self.tapes[pair]
        at = minute % self.length
        opened, high, low, closed, volume = (tape[column][at] for column in COLUMNS)
        return Candles(minute=minute, open=opened, high=high, low=low, close=closed, volume=volume)


def load(folder: Path) -> RecordedMarket:
    """Read every `BASE_QUOTE-*.feather` of a folder."""
    tapes = {path.name.split("-")[0].replace("_", "/"): _read(path) for path in sorted(folder.glob("*_*-*.feather"))}
    if not tapes:
        raise SystemExit(f"no BASE_QUOTE-TIMEFRAME.feather in {folder}: give a folder of Freqtrade candle files")
    return RecordedMarket(tapes=tapes, length=min(len(tape["close"]) for tape in tapes.values()))


def _read(path: Path) -> dict[str, Floats]:
    # Only Freqtrade's environment has pyarrow, and only recorded candles need it.
    feather: Any = importlib.import_module("pyarrow.feather")
    table = feather.read_table(path, columns=list(COLUMNS))
    return {name: np.asarray(table[name].to_numpy(), dtype=np.float64) for name in COLUMNS}
