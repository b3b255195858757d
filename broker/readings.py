"""What can be read of the bot, each reading bounded in time and honest about what it does not know."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from broker.answers import AnalysedCandles, FreqtradeBalance, FreqtradeTrade, ShownConfig
from broker.freqtrade import Freqtrade
from broker.shared import Reading, Shared
from broker.views import (
    Asset,
    BalanceView,
    Candle,
    CandlesView,
    FreqtradeHealth,
    HealthView,
    OpenTrade,
    PairPerformance,
    PerformanceView,
    ProfitView,
    StatusView,
    Trade,
    TradesView,
)
from pilothouse.clock import Clock, now
from pilothouse.errors import NotFoundError, PilothouseError, TimedOutError, UnavailableError

BALANCE_PATIENCE_S = 3.0
HEALTH_PATIENCE_S = 0.8
BOT_TTL_S = 5.0
BALANCE_TTL_S = 1.0
PROFIT_TTL_S = 3.0
LATE = timedelta(minutes=1)  # a candle is seen only after its end, and its successor's end is a timeframe away
CANDLE_COLUMNS = ("date", "open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class Bot:
    """What the bot is, and how far it has followed the market."""

    config: ShownConfig
    latest_candle_at: datetime | None


class Readings:
    """Everything the read routes answer."""

    def __init__(self, freqtrade: Freqtrade, *, clock: Clock = now, patience_s: float = BALANCE_PATIENCE_S) -> None:
        self._freqtrade = freqtrade
        self._clock = clock
        self._patience_s = patience_s
        self._bot = Shared(self._look, ttl_s=BOT_TTL_S, clock=clock)
        self._balance = Shared(freqtrade.balance, ttl_s=BALANCE_TTL_S, clock=clock)
        self._profit = Shared(freqtrade.profit, ttl_s=PROFIT_TTL_S, clock=clock)

    async def close(self) -> None:
        """End calls under way."""
        for shared in (self._bot, self._balance, self._profit):
            await shared.close()

    async def status(self) -> StatusView:
        """The open trades."""
        trades, bot = await self._freqtrade.open_trades(), await self._known()
        shown = [_open_trade(each) for each in trades]
        return StatusView(trades=shown, prices=bot.config.prices, warning=self._complaint(bot))

    async def balance(self) -> BalanceView:
        """What the bot owns, within seconds: the last known figures, marked incomplete, when it is slower."""
        bot = await self._known()
        try:
            reading = await asyncio.wait_for(self._balance.get(), self._patience_s)
        except TimeoutError as error:
            slow = f"Freqtrade did not add up its balance within {self._patience_s:g} s"
            if self._balance.last is None:
                raise TimedOutError(slow, hint="its exchange may be down; ask again in a minute") from error
            return _balance(self._balance.last, bot.config, warning=slow)
        return _balance(reading, bot.config, warning=_understated(reading.value) or self._complaint(bot))

    async def profit(self) -> ProfitView:
        """The record so far."""
        bot, reading = await self._known(), await self._profit.get()
        profit, closed = reading.value, reading.value.profit_closed_coin
        return ProfitView(
            currency=bot.config.stake_currency,
            closed_profit_abs=closed,
            closed_profit_ratio=profit.profit_closed_ratio,
            open_profit_abs=None if profit.profit_all_coin is None else profit.profit_all_coin - closed,
            trade_count=profit.trade_count,
            closed_trade_count=profit.closed_trade_count,
            winning_trades=profit.winning_trades,
            losing_trades=profit.losing_trades,
            win_ratio=profit.winrate,
            max_drawdown_ratio=profit.max_drawdown,
            best_pair=profit.best_pair or None,
            first_trade_at=profit.first_trade_date,
            latest_trade_at=profit.latest_trade_date,
            as_of=reading.at,
            dry_run=bot.config.dry_run,
            prices=bot.config.prices,
            warning=self._complaint(bot),
        )

    async def trades(self, *, limit: int) -> TradesView:
        """The latest trades, open and closed; Freqtrade keeps the two apart, and one may be closed in between."""
        opened, closed = await self._freqtrade.open_trades(), await self._freqtrade.closed_trades(limit=limit)
        closed_ids = {each.trade_id for each in closed.trades}
        opened = [each for each in opened if each.trade_id not in closed_ids]
        latest = [*sorted(opened, key=lambda each: each.open_date, reverse=True), *closed.trades]
        return TradesView(trades=[_trade(each) for each in latest[:limit]], total=len(opened) + closed.total_trades)

    async def performance(self) -> PerformanceView:
        """Closed trades by pair."""
        pairs = await self._freqtrade.performance()
        return PerformanceView(pairs=[PairPerformance(**each.model_dump()) for each in pairs])

    async def candles(self, *, pair: str, timeframe: str | None, limit: int) -> CandlesView:
        """The latest candles of a pair; an unknown pair or timeframe is an error although Freqtrade answers 200."""
        config = (await self._known()).config
        timeframe = timeframe or config.timeframe or "1m"
        table = await self._freqtrade.candles(pair, timeframe=timeframe, limit=limit)
        if not table.data:
            await self._explain_no_candles(pair, timeframe, config)
        return CandlesView(
            pair=pair,
            timeframe=timeframe,
            candles=_candles(table),
            last_analyzed_at=table.last_analyzed,
            prices=config.prices,
        )

    async def health(self) -> HealthView:
        """Whether Freqtrade answers, works, and follows the market."""
        try:
            async with asyncio.timeout(HEALTH_PATIENCE_S):
                bot = await self._look()
        except TimeoutError:
            return HealthView(status="down", reason=f"Freqtrade did not answer within {HEALTH_PATIENCE_S} s")
        except PilothouseError as error:
            return HealthView(status="down", reason=error.message)
        reason, config = self._complaint(bot), bot.config
        shown = config.model_dump(include={"state", "dry_run", "version", "strategy"})
        health = FreqtradeHealth(**shown, prices=config.prices, latest_candle_at=bot.latest_candle_at)
        return HealthView(status="degraded" if reason else "ok", reason=reason, freqtrade=health)

    async def _known(self) -> Bot:
        return (await self._bot.get()).value

    async def _look(self) -> Bot:
        config = await self._freqtrade.show_config()
        pairs = await self._freqtrade.whitelist()
        timeframe = config.timeframe or "1m"
        tables = [await self._freqtrade.candles(pair, timeframe=timeframe, limit=1) for pair in pairs[:1]]
        candles = [candle for table in tables for candle in _candles(table)]
        return Bot(config, candles[-1].opened_at if candles else None)

    def _complaint(self, bot: Bot) -> str:
        """Why the bot's rates should not be relied on, or nothing."""
        if bot.config.state not in ("running", "paused"):
            return f"Freqtrade is {bot.config.state}"
        if bot.latest_candle_at is None:
            return "Freqtrade has not looked at a candle yet"
        age = self._clock() - bot.latest_candle_at
        if age > 2 * timedelta(minutes=bot.config.timeframe_min) + LATE:
            return f"Freqtrade's latest candle is {age.total_seconds():.0f} s old: its exchange may be down"
        return ""

    async def _explain_no_candles(self, pair: str, timeframe: str, config: ShownConfig) -> None:
        pairs = await self._freqtrade.whitelist()
        if pair not in pairs:
            raise NotFoundError(f"the bot does not trade {pair!r}", hint=f"its pairs are {', '.join(pairs)}")
        if timeframe != config.timeframe:
            raise NotFoundError(f"the bot has no {timeframe!r} candles", hint=f"its timeframe is {config.timeframe}")
        hint = "it starts within a minute; its exchange may be down"
        raise UnavailableError(f"Freqtrade has not looked at {pair} yet", hint=hint)


def _open_trade(trade: FreqtradeTrade) -> OpenTrade:
    return OpenTrade(opened_at=trade.open_date, **trade.model_dump(include=set(OpenTrade.model_fields)))


def _trade(trade: FreqtradeTrade) -> Trade:
    shown = trade.model_dump(include=set(Trade.model_fields))
    return Trade(opened_at=trade.open_date, closed_at=trade.close_date, **shown)


def _balance(reading: Reading[FreqtradeBalance], config: ShownConfig, *, warning: str) -> BalanceView:
    balance = reading.value
    stake = [each for each in balance.currencies if each.currency == balance.stake]
    others = [each for each in balance.currencies if each.currency != balance.stake and each.is_bot_managed]
    return BalanceView(
        currency=balance.stake,
        total=balance.total,
        free=sum((each.free for each in stake), Decimal(0)),
        in_trades=sum((each.est_stake for each in others), Decimal(0)),
        complete=not warning,
        as_of=reading.at,
        assets=[Asset(**each.model_dump(include=set(Asset.model_fields))) for each in balance.currencies],
        dry_run=config.dry_run,
        prices=config.prices,
        warning=warning,
    )


def _understated(balance: FreqtradeBalance) -> str:
    if not balance.unpriced:
        return ""
    return f"the total leaves out {', '.join(balance.unpriced)}: no price is known now, the exchange may be down"


def _candles(table: AnalysedCandles) -> list[Candle]:
    if not table.data:
        return []
    at = [table.columns.index(name) for name in CANDLE_COLUMNS]
    rows: list[list[Any]] = [[row[index] for index in at] for row in table.data]
    return [
        Candle(opened_at=opened_at, open=first, high=high, low=low, close=last, volume=volume)
        for opened_at, first, high, low, last, volume in rows
    ]
