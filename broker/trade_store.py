"""Our tables of Freqtrade's trades and orders: exact numbers, aware instants, and the intent behind each trade."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from broker.answers import FreqtradeOrder, FreqtradeTrade
from broker.intents import intent_id_of
from broker.settling import ENDED
from pilothouse.db import AsyncDictConnection
from pilothouse.errors import UpstreamError

KNOWN = """
    SELECT trade_id, pair, is_open, opened_at, gone_at,
           EXISTS (SELECT FROM broker.orders WHERE orders.trade_id = trades.trade_id AND filled > 0) AS was_filled
    FROM broker.trades"""
KEEP_TRADE = """
    INSERT INTO broker.trades
        (trade_id, intent_id, pair, is_open, stake, amount, open_rate, opened_at, close_rate, closed_at,
         realised_profit, fee_open, fee_close, enter_tag, exit_reason, seen_at)
    VALUES (%(trade_id)s, (SELECT id FROM broker.intents WHERE id = %(intent_id)s), %(pair)s, %(is_open)s,
            %(stake_amount)s, %(amount)s, %(open_rate)s, %(open_date)s, %(close_rate)s, %(close_date)s,
            %(realized_profit)s, %(fee_open)s, %(fee_close)s, %(enter_tag)s, %(exit_reason)s, %(at)s)
    ON CONFLICT (trade_id) DO UPDATE
    SET intent_id = excluded.intent_id, pair = excluded.pair, is_open = excluded.is_open, stake = excluded.stake,
        amount = excluded.amount, open_rate = excluded.open_rate, opened_at = excluded.opened_at,
        close_rate = excluded.close_rate, closed_at = excluded.closed_at, realised_profit = excluded.realised_profit,
        fee_open = excluded.fee_open, fee_close = excluded.fee_close, enter_tag = excluded.enter_tag,
        exit_reason = excluded.exit_reason, seen_at = excluded.seen_at, gone_at = NULL"""
KEEP_ORDER = """
    INSERT INTO broker.orders
        (trade_id, order_id, side, status, order_type, amount, filled, average, cost, tag, ordered_at, filled_at,
         seen_at)
    VALUES (%(trade_id)s, %(order_id)s, %(ft_order_side)s, %(status)s, %(order_type)s, %(amount)s, %(filled)s,
            %(average)s, %(cost)s, %(ft_order_tag)s, %(order_timestamp)s, %(order_filled_timestamp)s, %(at)s)
    ON CONFLICT (trade_id, order_id) DO UPDATE
    SET status = excluded.status, amount = excluded.amount, filled = excluded.filled, average = excluded.average,
        cost = excluded.cost, tag = excluded.tag, filled_at = excluded.filled_at, seen_at = excluded.seen_at"""
# Freqtrade lists an order no more once it ended without a fill.
CANCEL_UNLISTED = """
    UPDATE broker.orders
    SET status = 'canceled', seen_at = %(at)s
    WHERE trade_id = %(trade_id)s AND order_id <> ALL(%(listed)s) AND status <> ALL(%(ended)s)"""
FORGET = """
    UPDATE broker.trades
    SET is_open = false, gone_at = %(at)s
    WHERE trade_id = ANY(%(trade_ids)s)"""
RECONCILED = """
    INSERT INTO broker.reconciled (at) VALUES (%(at)s)
    ON CONFLICT (single) DO UPDATE SET at = excluded.at"""


class Known:
    """What the tables have before they are reconciled."""

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self._rows = {row["trade_id"]: row for row in rows}

    @property
    def opened(self) -> set[int]:
        """Trades that were open when they were last seen."""
        return {trade_id for trade_id, row in self._rows.items() if row["is_open"]}

    @property
    def closed(self) -> set[int]:
        """Closed trades that Freqtrade still had when it was last asked for all."""
        return {trade_id for trade_id, row in self._rows.items() if not row["is_open"] and row["gone_at"] is None}

    def require_same(self, trade: FreqtradeTrade) -> None:
        """Refuse another bot's trades: its numbers begin at 1 too, and would write over what ours did."""
        row = self._rows.get(trade.trade_id)
        same = row is None or (row["pair"], row["opened_at"]) == (trade.pair, trade.open_date)
        if same or (row and not row["was_filled"]):  # a number may come again after a trade that never was one
            return
        message = f"Freqtrade's trade {trade.trade_id} is not the one that was known by this number"
        raise UpstreamError(message, hint="is FREQTRADE_URL another bot, or its database a new one? Keep to one bot")


async def read_known(connection: AsyncDictConnection) -> Known:
    """What the tables have now."""
    return Known(await (await connection.execute(KNOWN)).fetchall())


async def keep(connection: AsyncDictConnection, trades: Sequence[FreqtradeTrade], *, at: datetime) -> None:
    """Make the rows of these trades, and of their orders, what Freqtrade says."""
    orders = [_order_row(trade, order, at) for trade in trades for order in trade.orders]
    async with connection.cursor() as cursor:
        await cursor.executemany(KEEP_TRADE, [_trade_row(trade, at) for trade in trades])
        await cursor.executemany(KEEP_ORDER, orders)
        await cursor.executemany(CANCEL_UNLISTED, [_listed(trade, at) for trade in trades])


async def forget(connection: AsyncDictConnection, trade_ids: Collection[int], *, at: datetime) -> None:
    """Mark trades that Freqtrade does not know any more; nothing of them is deleted."""
    await connection.execute(FORGET, {"trade_ids": list(trade_ids), "at": at})


async def note_reconciled(connection: AsyncDictConnection, *, at: datetime) -> None:
    """Everything is as it was at this instant, or newer."""
    await connection.execute(RECONCILED, {"at": at})


def _trade_row(trade: FreqtradeTrade, at: datetime) -> dict[str, Any]:
    return {**trade.model_dump(exclude={"orders"}), "intent_id": intent_id_of(trade.enter_tag), "at": at}


def _order_row(trade: FreqtradeTrade, order: FreqtradeOrder, at: datetime) -> dict[str, Any]:
    """Freqtrade writes 0 for a cost it does not know, and the price it asks for where nothing was filled."""
    average = order.safe_price if order.filled else None
    exact = {"average": average, "cost": order.cost or None}
    return {**order.model_dump(), **exact, "trade_id": trade.trade_id, "at": at}


def _listed(trade: FreqtradeTrade, at: datetime) -> dict[str, Any]:
    listed = [order.order_id for order in trade.orders]
    return {"trade_id": trade.trade_id, "listed": listed, "ended": list(ENDED), "at": at}
