"""Verifies the audit log: the chain itself, its head outside the database, the books, and Freqtrade's trades.

It only reads, and needs nothing but the database, the key and the head's file: no broker and no bot.
"""

from dataclasses import dataclass
from pathlib import Path

from psycopg.rows import class_row

from broker.audit import Record
from broker.audit_books import BookedTrade, Story, check_fills, check_trades
from broker.audit_chain import Chain, Finding
from broker.audit_outside import check_outside, read_outside
from broker.books import find
from pilothouse.db import AsyncDictConnection

AT_ONCE = 500
ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
RECORDS = "SELECT seq, at, kind, subject, body, mac FROM broker.audit ORDER BY seq"
TRADES = """
    SELECT trade.trade_id, trade.pair, trade.enter_tag, trade.opened_at, trade.gone_at IS NOT NULL AS is_gone,
           coalesce(array_agg(exit.order_id) FILTER (WHERE exit.side = 'sell'), '{}') AS exits
    FROM broker.trades AS trade
    LEFT JOIN broker.orders AS exit USING (trade_id)
    GROUP BY trade.trade_id
    ORDER BY trade.trade_id"""
RECONCILED_AT = "SELECT at FROM broker.reconciled"
ALL = "true"


@dataclass(frozen=True)
class Verification:
    """How many records there are, and everything that is wrong."""

    records: int
    findings: list[Finding]


async def verify(connection: AsyncDictConnection, *, key: bytes, folder: Path) -> Verification:
    """Look at everything, as it is at one moment."""
    outside = read_outside(folder, key)
    chain, story = Chain(key), Story()
    async with connection.transaction():
        await connection.execute(ONE_MOMENT)
        await _walk(connection, chain, story)
        findings = chain.findings()
        if not chain.is_hopeless:
            findings += await check_outside(connection, outside, last_seq=chain.last_seq)
            findings += await _check_books(connection, story)
    return Verification(chain.records, findings)


async def _walk(connection: AsyncDictConnection, chain: Chain, story: Story) -> None:
    async with connection.cursor("audit_records", row_factory=class_row(Record)) as cursor:
        cursor.itersize = AT_ONCE
        await cursor.execute(RECORDS)
        async for record in cursor:
            story.learn(record, reliable=chain.follow(record))
            if chain.is_hopeless:
                return


async def _check_books(connection: AsyncDictConnection, story: Story) -> list[Finding]:
    intents = {intent.id: intent for intent in await find(connection, ALL, {})}
    found = [finding for intent in intents.values() if (finding := story.check(intent)) is not None]
    async with connection.cursor(row_factory=class_row(BookedTrade)) as cursor:
        trades = await (await cursor.execute(TRADES)).fetchall()
    row = await (await connection.execute(RECONCILED_AT)).fetchone()
    fills = [] if row is None else check_fills(trades, intents.values(), known_at=row["at"])
    return [*found, *story.missing(), *check_trades(trades, intents, story), *fills]
