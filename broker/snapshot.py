"""What an intent is judged by: Freqtrade's word and our own books side by side, and the worse of the two."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property

from broker.answers import FreqtradeTrade
from broker.book_side import BookSide
from broker.bot_side import BotSide, NoDataError, Trades
from broker.intents import Intent, intent_id_of
from pilothouse.clock import midnight

NOTHING = Decimal(0)


@dataclass(frozen=True)
class Position:
    """An open trade. `amount` is None when only our books have it open."""

    trade_id: int
    pair: str
    stake: Decimal
    amount: Decimal | None


@dataclass(frozen=True)
class Snapshot:
    """Both sides at one instant. What is not known raises `NoDataError` where it is asked for."""

    bot: BotSide
    books: BookSide

    @property
    def at(self) -> datetime:
        """The broker's clock."""
        return self.books.at

    @property
    def trades(self) -> Trades:
        """Freqtrade's."""
        return self.bot.trades.known()

    @cached_property
    def positions(self) -> list[Position]:
        """Trades open in either book, at the higher stake; ours do not count once Freqtrade has them closed."""
        closed = {each.trade_id for each in self.trades.closed}
        kept = {each.trade_id: each.stake for each in self.books.trades if each.is_open}
        theirs = [
            Position(each.trade_id, each.pair, max(each.stake_amount, kept.get(each.trade_id, NOTHING)), each.amount)
            for each in self.trades.opened
        ]
        seen = closed | {each.trade_id for each in theirs}
        ours = [
            Position(each.trade_id, each.pair, each.stake, None)
            for each in self.books.trades
            if each.is_open and each.trade_id not in seen
        ]
        return theirs + ours

    @cached_property
    def without_trade(self) -> list[Intent]:
        """Entries under way, or over since less than a day, of which neither book has a trade."""
        trades = (*self.trades.opened, *self.trades.closed, *self.books.trades)
        traded = {intent_id_of(each.enter_tag) for each in trades}
        return [each for each in self.books.under_way if each.action == "enter" and each.id not in traded]

    @property
    def reserved(self) -> list[Intent]:
        """Entries that may become a trade, or did, and are in no list of trades yet."""
        return [each for each in self.without_trade if each.state != "failed"]

    @property
    def exposure(self) -> Decimal:
        """What is in open trades and what is about to be."""
        return self._in_positions + self._reserved_stake

    @property
    def open_count(self) -> int:
        """Open trades and those about to be."""
        return len(self.positions) + len(self.reserved)

    @property
    def free(self) -> Decimal:
        """What is free to spend once everything under way is paid: by the balance, or by what our books leave of it."""
        funds = self.bot.funds.known()
        return min(funds.free, funds.total - self._in_positions) - self._reserved_stake

    def entries_within(self, span: timedelta) -> int:
        """Entries that were ordered within this time, whoever ordered them, and those about to be."""
        trades = {each.trade_id: each.opened_at for each in self.books.trades}
        trades |= {each.trade_id: each.open_date for each in (*self.trades.closed, *self.trades.opened)}
        ended = [each.submitted_at or each.changed_at for each in self.without_trade if each.is_over]
        begun = [at for at in (*trades.values(), *ended) if at > self.at - span]
        return len(begun) + len([each for each in self.without_trade if not each.is_over])

    @property
    def result_today(self) -> Decimal:
        """Realised since midnight UTC, by the book that looks worse, and what the open trades would add now."""
        begin = midnight(self.at)
        theirs = [_realised(each) for each in self.trades.closed if each.close_date and each.close_date >= begin]
        ours = [
            each.realised_profit
            for each in self.books.trades
            if each.realised_profit is not None and each.closed_at and each.closed_at >= begin
        ]
        return min(sum(theirs, NOTHING), sum(ours, NOTHING)) + sum(map(_open_result, self.trades.opened), NOTHING)

    @property
    def last_loss_at(self) -> datetime | None:
        """When a trade was last closed at a loss, within a day."""
        theirs = [each.close_date for each in self.trades.closed if _realised(each) < 0]
        ours = [each.closed_at for each in self.books.trades if (each.realised_profit or NOTHING) < 0]
        return max((at for at in (*theirs, *ours) if at is not None), default=None)

    @property
    def _in_positions(self) -> Decimal:
        return sum((each.stake for each in self.positions), NOTHING)

    @property
    def _reserved_stake(self) -> Decimal:
        return sum((each.stake or NOTHING for each in self.reserved), NOTHING)


def _realised(trade: FreqtradeTrade) -> Decimal:
    if trade.profit_abs is None:
        raise NoDataError(f"the profit of trade {trade.trade_id}, which is closed, is not known")
    return trade.profit_abs


def _open_result(trade: FreqtradeTrade) -> Decimal:
    """What was gained by leaving part of it is not set off against losses: it may be of another day."""
    if trade.profit_abs is None:
        raise NoDataError(f"what trade {trade.trade_id} would bring now is not known: no price of {trade.pair}")
    return trade.profit_abs + min(trade.realized_profit, NOTHING)
