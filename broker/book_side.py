"""What our own books say when an intent is to be judged, read inside the transaction that judges it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from psycopg.rows import class_row

from broker.books import find
from broker.intents import Intent, State
from pilothouse.clock import midnight
from pilothouse.db import AsyncDictConnection

DAY = timedelta(days=1)
HALT_FILE = "halt"
ALLOWANCE = "allowance"  # who decided, when nobody needed to
RESERVING: tuple[State, ...] = ("awaiting_approval", "approved", "submitting", "submitted", "unknown")

# An entry that ended lately still counts: as an order, and, filled, as exposure until its trade is seen.
UNDER_WAY = """
    intent.id <> %(id)s
    AND (intent.state = ANY(%(reserving)s)
         OR (intent.action = 'enter' AND intent.state IN ('filled', 'failed') AND intent.changed_at > %(since)s))"""
TRADES = """
    SELECT trade_id, pair, is_open, stake, opened_at, closed_at, realised_profit, enter_tag
    FROM broker.trades
    WHERE is_open OR opened_at > %(since)s OR closed_at > %(since)s"""
ALLOWED_TODAY = """
    SELECT coalesce(sum(stake), 0) AS stake
    FROM broker.intents
    WHERE decided_by = %(allowance)s AND action = 'enter' AND created_at >= %(midnight)s AND id <> %(id)s"""
HALT = "SELECT reason FROM broker.halts WHERE lifted_at IS NULL"


@dataclass(frozen=True)
class KeptTrade:
    """A trade as our books have it."""

    trade_id: int
    pair: str
    is_open: bool
    stake: Decimal
    opened_at: datetime
    closed_at: datetime | None
    realised_profit: Decimal | None
    enter_tag: str | None


@dataclass(frozen=True)
class BookSide:
    """Our books, without the intent that is judged."""

    at: datetime
    under_way: list[Intent]
    trades: list[KeptTrade]
    allowed_today: Decimal
    halted: str  # why, or empty


async def read_books(connection: AsyncDictConnection, *, besides: UUID, at: datetime, folder: Path) -> BookSide:
    """Everything that counts against an intent's limits, but the intent itself."""
    values = {
        "id": besides,
        "reserving": list(RESERVING),
        "since": at - DAY,
        "midnight": midnight(at),
        "allowance": ALLOWANCE,
    }
    under_way = await find(connection, UNDER_WAY, values)
    async with connection.cursor(row_factory=class_row(KeptTrade)) as cursor:
        trades = await (await cursor.execute(TRADES, values)).fetchall()
    allowed = await (await connection.execute(ALLOWED_TODAY, values)).fetchone()
    halt = await (await connection.execute(HALT)).fetchone()
    reason: str = halt["reason"] if halt else "by the file" if (folder / HALT_FILE).exists() else ""
    return BookSide(at, under_way, trades, allowed["stake"] if allowed else Decimal(0), reason)
