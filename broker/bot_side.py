"""What Freqtrade says when an intent is to be judged. What it does not say is a problem by name, never zero."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Generic, TypeVar

from broker.answers import FreqtradeTrade, PairLock, ShownConfig
from broker.freqtrade import Freqtrade
from broker.readings import LATE, Readings
from broker.settling import trades_since
from broker.shared import Shared
from pilothouse.clock import Clock, now
from pilothouse.errors import PilothouseError, UnavailableError

DAY = timedelta(days=1)
SHARED_S = 1.0
MAX_PRICE_AGE = timedelta(minutes=10)

Value = TypeVar("Value")


class NoDataError(PilothouseError):
    """What a limit needs is not known now."""


@dataclass(frozen=True)
class Told(Generic[Value]):
    """A value, or why it is not known."""

    value: Value | None = None
    problem: str = ""

    def known(self) -> Value:
        """The value; `NoDataError` without one."""
        if self.value is None:
            raise NoDataError(self.problem)
        return self.value


@dataclass(frozen=True)
class Funds:
    """The balance in the stake currency; never more than what is sure."""

    total: Decimal
    free: Decimal


@dataclass(frozen=True)
class Trades:
    """Freqtrade's trades: the open ones, and at least all that were closed within a day."""

    opened: list[FreqtradeTrade]
    closed: list[FreqtradeTrade]


@dataclass(frozen=True)
class BotSide:
    """Freqtrade's answers, asked for at one time."""

    config: Told[ShownConfig]
    pairs: Told[list[str]]
    locks: Told[list[PairLock]]
    trades: Told[Trades]
    funds: Told[Funds]
    price: Told[Decimal] = Told(problem="no price was asked for")


class Lookout:
    """Looks at Freqtrade for whoever judges an intent; those who ask within a second share what is not of one pair."""

    def __init__(self, freqtrade: Freqtrade, readings: Readings, *, clock: Clock = now) -> None:
        self._freqtrade = freqtrade
        self._readings = readings
        self._clock = clock
        self._side = Shared(self._ask, ttl_s=SHARED_S, clock=clock)

    async def look(self, pair: str) -> BotSide:
        """All that Freqtrade knows about an intent on this pair; takes seconds at most, whatever is down."""
        side = await self.side()
        return replace(side, price=await _told(self._price(side, pair)))

    async def side(self) -> BotSide:
        """What is not of one pair."""
        return (await self._side.get()).value

    async def close(self) -> None:
        """End a look under way."""
        await self._side.close()

    async def _ask(self) -> BotSide:
        config, pairs, locks, trades, funds = await asyncio.gather(
            _told(self._freqtrade.show_config()),
            _told(self._freqtrade.whitelist()),
            _told(self._freqtrade.locks()),
            _told(self._trades()),
            _told(self._funds()),
        )
        return BotSide(config, pairs, locks, trades, funds)

    async def _trades(self) -> Trades:
        """A trade that was closed between two answers is in both; what it came to is counted once."""
        listed = await trades_since(self._freqtrade, self._clock() - DAY)
        closed = {each.trade_id: each for each in listed if not each.is_open}
        opened = [each for each in listed if each.is_open and each.trade_id not in closed]
        return Trades(opened, list(closed.values()))

    async def _funds(self) -> Funds:
        balance = await self._readings.balance()
        if not balance.complete:
            raise UnavailableError(f"the balance is not sure: {balance.warning}")
        return Funds(total=min(balance.total, balance.free + balance.in_trades), free=balance.free)

    async def _price(self, side: BotSide, pair: str) -> Decimal:
        """The rate of an open trade, or where the latest candle closed: its REST tells no other price."""
        config, opened = side.config.known(), side.trades.known().opened
        rates = [each.current_rate for each in opened if each.pair == pair and each.current_rate]
        if rates:
            return rates[0]
        table = await self._readings.candles(pair=pair, timeframe=config.timeframe or "1m", limit=1)
        length, candle = timedelta(minutes=config.timeframe_min), table.candles[-1]
        age = self._clock() - candle.opened_at - length
        if age > min(MAX_PRICE_AGE, length + LATE):
            raise UnavailableError(f"the latest price of {pair} is {age.total_seconds():.0f} s old")
        return candle.close


async def _told(question: Awaitable[Value]) -> Told[Value]:
    try:
        return Told(await question)
    except PilothouseError as error:
        return Told(problem=error.message)
