"""What became of an intent that was sent: read from Freqtrade's own trades, never guessed.

An entry is known by its tag. An exit is a forced sell order of its trade that was not there before the call.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from broker.answers import FreqtradeOrder, FreqtradeTrade
from broker.books import Books, move, read
from broker.figures import plain
from broker.freqtrade import Freqtrade
from broker.intents import Intent, State, intent_id_of
from pilothouse import log
from pilothouse.clock import Clock, now
from pilothouse.errors import PilothouseError
from pilothouse.signing import instant

GRACE = timedelta(minutes=3)  # longer than Freqtrade works on a call whose answer we do not wait for any more
PAGE = 100
FORCED = "force_exit"  # the tag Freqtrade gives to the orders of forceexit
ENDED = frozenset({"closed", "canceled", "cancelled", "expired", "rejected"})
CANCELLED = "not filled in time, or cancelled: nothing was traded"
NO_TRACE = "Freqtrade's trades show no trace of it; look at the exchange, then resolve it"


@dataclass(frozen=True)
class Verdict:
    """What the trades prove."""

    state: State
    note: str = ""
    fill: dict[str, Any] | None = None


class Settling:
    """Brings submitted intents to their end."""

    def __init__(self, books: Books, freqtrade: Freqtrade, *, grace: timedelta = GRACE, clock: Clock = now) -> None:
        self._books = books
        self._freqtrade = freqtrade
        self._grace = grace
        self._clock = clock

    async def settle(self, intents: Sequence[Intent]) -> None:
        """Move each to what is proved; what cannot be established for too long becomes unknown."""
        if not intents:
            return
        try:
            trades = await trades_since(self._freqtrade, min(_sent_at(each) for each in intents))
        except PilothouseError as error:
            log.get_logger().warning("intents.unsettled", error=error.message)
            verdicts = [None for _ in intents]
        else:
            verdicts = [judge(each, trades) for each in intents]
        for intent, verdict in zip(intents, verdicts, strict=True):
            await self._apply(intent, verdict or self._give_up(intent))

    def _give_up(self, intent: Intent) -> Verdict | None:
        if intent.state != "submitting" or self._clock() < _sent_at(intent) + self._grace:
            return None
        return Verdict("unknown", NO_TRACE)

    async def _apply(self, intent: Intent, verdict: Verdict | None) -> None:
        if verdict is None or verdict.state == intent.state:
            return
        async with self._books.audit.writing() as writing:
            if (await read(writing.connection, intent.id)).state == intent.state:
                await move(writing, intent, verdict.state, note=verdict.note, fill=verdict.fill)
        log.get_logger().info(f"intent.{verdict.state}", intent=str(intent.id), note=verdict.note)


def judge(intent: Intent, trades: Sequence[FreqtradeTrade]) -> Verdict | None:
    """What these trades, which are all since it was sent, say about it; None when they prove nothing."""
    orders = [(trade.trade_id, order) for trade in trades for order in _ours(intent, trade)]
    if any(order.status not in ENDED for _, order in orders):
        return Verdict("submitted")
    if filled := [each for each in orders if each[1].filled]:
        return Verdict("filled", fill=_fill(filled))
    # Freqtrade forgets orders that ended without a fill, and a trade of such orders: once it took one, that is proof.
    return Verdict("failed", CANCELLED) if orders or intent.state == "submitted" else None


async def trades_since(freqtrade: Freqtrade, moment: datetime) -> list[FreqtradeTrade]:
    """All that are open, and all that were closed after `moment`.

    Open ones first, so that none slips through; what is closed in between is found twice, and counts once, as closed.
    """
    trades, offset = {each.trade_id: each for each in await freqtrade.open_trades()}, 0
    while True:
        page = await freqtrade.closed_trades(limit=PAGE, offset=offset)
        trades |= {each.trade_id: each for each in page.trades}
        offset += len(page.trades)
        if len(page.trades) < PAGE or any(each.close_date and each.close_date < moment for each in page.trades):
            return list(trades.values())


def exit_orders(trade: FreqtradeTrade) -> list[FreqtradeOrder]:
    """The orders that sell it."""
    return [each for each in trade.orders if each.ft_order_side == "sell"]


def _ours(intent: Intent, trade: FreqtradeTrade) -> list[FreqtradeOrder]:
    if intent.action == "enter":
        return [
            each
            for each in trade.orders
            if each.ft_order_side == "buy" and intent_id_of(each.ft_order_tag) == intent.id
        ]
    if trade.trade_id != intent.trade_id:
        return []
    before = frozenset(intent.orders_before or ())
    return [each for each in exit_orders(trade) if each.order_id not in before and each.ft_order_tag == FORCED]


def _fill(filled: Sequence[tuple[int, FreqtradeOrder]]) -> dict[str, Any]:
    """Money as text. `at`: when the last of it was filled."""
    orders = [order for _, order in filled]
    amount = sum((order.filled or Decimal(0) for order in orders), Decimal(0))
    cost = sum(((order.filled or Decimal(0)) * order.safe_price for order in orders), Decimal(0))
    ended = [order.order_filled_timestamp for order in orders if order.order_filled_timestamp]
    return {
        "trade_id": filled[0][0],
        "order_ids": [order.order_id for order in orders],
        "amount": plain(amount),
        "cost": plain(cost),
        "price": plain(cost / amount),
        "at": instant(max(ended)) if ended else None,
    }


def _sent_at(intent: Intent) -> datetime:
    return intent.submitted_at or intent.changed_at
