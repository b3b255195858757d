"""What has ended: intents in the order of the audit log, and closed trades. Figures, and nobody's free text."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from broker.intents import ENDS, Action, Mode, State
from pilothouse.db import Pool

KINDS = [f"intent.{state}" for state in ENDS]
NEWEST = "SELECT coalesce(max(seq), 0) AS place FROM broker.audit"
# Records are written one transaction at a time, so nothing can still come before the newest.
ENDED = """
    WITH ended AS MATERIALIZED (
        SELECT seq, subject
        FROM broker.audit
        WHERE seq > %(after)s AND seq <= %(newest)s AND kind = ANY(%(kinds)s)
        ORDER BY seq
        LIMIT %(limit)s)
    SELECT ended.seq AS place, intent.id, intent.user_id, intent.thread_id, intent.run_id, intent.tainted,
           intent.action, intent.pair, intent.stake, intent.trade_id, intent.amount, intent.price_seen, intent.mode,
           intent.state, intent.refusals, intent.fill, later.id AS replaced_by, intent.created_at,
           intent.changed_at AS ended_at
    FROM ended
    JOIN broker.intents AS intent ON intent.id = ended.subject::uuid
    LEFT JOIN broker.intents AS later ON later.replaces = intent.id
    ORDER BY ended.seq"""
# What Freqtrade forgot is not open either, but was never seen to close: it may come back.
CLOSED = """
    SELECT trade.trade_id, trade.pair, trade.stake, trade.open_rate, trade.close_rate, trade.opened_at, trade.closed_at,
           trade.realised_profit, trade.fee_open, trade.exit_reason, bought.cost
    FROM broker.trades AS trade
    CROSS JOIN LATERAL (
        SELECT sum(filled * average) AS cost
        FROM broker.orders
        WHERE trade_id = trade.trade_id AND side = 'buy') AS bought
    WHERE trade.trade_id = ANY(%(trade_ids)s) AND NOT trade.is_open AND trade.closed_at IS NOT NULL
    ORDER BY trade.trade_id"""


@dataclass(frozen=True)
class EndedIntent:
    """An intent that reached an end; `place` is where the audit log says so."""

    place: int
    id: UUID
    user_id: str
    thread_id: str
    run_id: str
    tainted: bool
    action: Action
    pair: str
    stake: Decimal | None
    trade_id: int | None
    amount: Decimal | None
    price_seen: Decimal
    mode: Mode
    state: State
    refusals: list[dict[str, str]]
    fill: dict[str, Any] | None
    replaced_by: UUID | None
    created_at: datetime
    ended_at: datetime


@dataclass(frozen=True)
class ClosedTrade:
    """A trade that was closed. Its cost is what its orders were filled for."""

    trade_id: int
    pair: str
    stake: Decimal
    open_rate: Decimal
    close_rate: Decimal | None
    opened_at: datetime
    closed_at: datetime
    realised_profit: Decimal | None
    fee_open: Decimal | None
    exit_reason: str | None
    cost: Decimal | None

    @property
    def profit_ratio(self) -> Decimal | None:
        """Of what was paid for it with the fee, as Freqtrade counts."""
        if not self.cost or self.realised_profit is None:
            return None
        return round(self.realised_profit / (self.cost * (1 + (self.fee_open or 0))), 8)


class Endings:
    """Read by whoever keeps a journal."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def intents(self, *, after: int, limit: int) -> tuple[list[EndedIntent], int]:
        """What ended after this place, the oldest first, and the place to go on from."""
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(EndedIntent)) as cursor,
        ):
            newest = (await (await connection.execute(NEWEST)).fetchall())[0]["place"]
            await cursor.execute(ENDED, {"after": after, "newest": newest, "kinds": KINDS, "limit": limit})
            found = await cursor.fetchall()
        return found, found[-1].place if len(found) == limit else max(newest, after)

    async def trades(self, trade_ids: Sequence[int]) -> list[ClosedTrade]:
        """Those of these that were closed."""
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(ClosedTrade)) as cursor,
        ):
            await cursor.execute(CLOSED, {"trade_ids": list(trade_ids)})
            return await cursor.fetchall()
