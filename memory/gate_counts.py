"""The gate's counts in PostgreSQL, which outlast a restart."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

import psycopg

from memory.gate_counters import Counted, Counters
from pilothouse import log
from pilothouse.db import Pool

PATIENCE_S = 5.0
FLUSH_S = 5.0
LAST_FLUSH_S = 1.0

ADD = """
    INSERT INTO memory.gate_counts (day, scope, verdict, count)
    VALUES (%(day)s, %(scope)s, %(verdict)s, %(count)s)
    ON CONFLICT (day, scope, verdict) DO UPDATE SET count = gate_counts.count + excluded.count"""
SUMS = """
    SELECT verdict, sum(count)::bigint AS count, min(day) AS since
    FROM memory.gate_counts
    WHERE %(scope)s::text IS NULL OR scope = %(scope)s
    GROUP BY verdict"""


@dataclass(frozen=True)
class Sums:
    """How often each verdict was given, since when; None when nothing was counted."""

    counts: Mapping[str, int]
    since: date | None


class GateCounts:
    """The table."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, counted: Counted) -> None:
        """All or none. The order keeps two writers from waiting for each other."""
        rows = [
            {"day": day, "scope": scope, "verdict": verdict, "count": count}
            for (day, scope, verdict), count in sorted(counted.items())
        ]
        if not rows:
            return
        async with self._pool.connection(PATIENCE_S) as connection, connection.cursor() as cursor:
            await cursor.executemany(ADD, rows)

    async def sums(self, scope: str | None) -> Sums:
        """This user's, or everybody's."""
        async with self._pool.connection(PATIENCE_S) as connection:
            rows = await (await connection.execute(SUMS, {"scope": scope})).fetchall()
        counts = {row["verdict"]: row["count"] for row in rows}
        return Sums(counts, min((row["since"] for row in rows), default=None))


async def flush(counters: Counters, table: GateCounts) -> None:
    """Bring what was counted since the last time to the table; what cannot be brought is kept for the next."""
    taken = counters.take()
    try:
        await table.add(taken)
    except BaseException:
        counters.give_back(taken)
        raise


async def flush_regularly(counters: Counters, table: GateCounts) -> None:
    """Until cancelled."""
    while True:
        await asyncio.sleep(FLUSH_S)
        try:
            await flush(counters, table)
        except psycopg.Error as error:
            log.get_logger().warning("memory.counts_not_written", error=type(error).__name__)


async def flush_at_last(counters: Counters, table: GateCounts) -> None:
    """At shutdown, which a database that is away must not hold up."""
    with suppress(psycopg.Error, TimeoutError):
        async with asyncio.timeout(LAST_FLUSH_S):
            await flush(counters, table)
