"""Asks the provider what became of calls that were cut off: its own record settles them, also after a crash.

A record may come late, so who gets none is asked for again: after 2 seconds, then ever rarer, at most once an hour, for
good. Only that record or a person gives a reservation back.
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import psycopg

from pilothouse import log
from pilothouse.db import Pool
from pilothouse.errors import PilothouseError
from proxy.calls import Outcome
from proxy.forward import Forwarder
from proxy.ledger import Ledger
from proxy.reading import read_record

PAUSE_S = 1
POOL_WAIT_S = 5
# One that never ended is under way, or its proxy was killed: its record comes once the provider is done with it.
TAKE = """
    UPDATE proxy.ledger
    SET asked_at = now()
    WHERE id IN (
        SELECT id
        FROM proxy.ledger
        WHERE status = 'open'
          AND generation_id IS NOT NULL
          AND coalesce(ended_at, called_at + interval '30 s') < now() - interval '2 s'
          AND (asked_at IS NULL
               OR asked_at + least(asked_at - coalesce(ended_at, called_at), interval '1 hour') < now())
        ORDER BY asked_at NULLS FIRST
        LIMIT 20
        FOR UPDATE SKIP LOCKED)
    RETURNING id, generation_id"""

logger = log.get_logger()


class Settling:
    """Runs beside the routes; any number of proxies share the work."""

    def __init__(self, pool: Pool, *, ledger: Ledger, forwarder: Forwarder) -> None:
        """Asks through `forwarder`, writes through `ledger`."""
        self._pool = pool
        self._ledger = ledger
        self._forwarder = forwarder

    async def run(self) -> None:
        """Until cancelled. A ledger or a provider that is away is waited for."""
        while True:
            try:
                await self._settle_some()
            except psycopg.Error as error:
                logger.warning("settling.delayed", reason=str(error).partition("\n")[0])
            await asyncio.sleep(PAUSE_S)

    async def _settle_some(self) -> None:
        async with self._pool.connection(POOL_WAIT_S) as connection:
            rows = await (await connection.execute(TAKE)).fetchall()
        for row in rows:
            await self._settle(row)

    async def _settle(self, row: Mapping[str, Any]) -> None:
        outcome = Outcome()
        try:
            read_record(await self._forwarder.fetch(f"/generation?id={quote(row['generation_id'], safe='')}"), outcome)
        except PilothouseError as error:
            logger.info("settling.delayed", ledger_id=str(row["id"]), reason=error.message)
        if outcome.cost_usd is not None:
            self._ledger.settle({**outcome.columns, "id": row["id"], "attempts": None})
            logger.info("ledger.settled_later", ledger_id=str(row["id"]), cost_usd=f"{outcome.cost_usd:f}")
