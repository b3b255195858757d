"""Brings our tables to what Freqtrade has: all that is open, and every closed trade that is not in them yet.

Events only say when to look; what is written comes from Freqtrade's REST, whole, so that nothing depends on an event
that was missed.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from broker.answers import FreqtradeTrade
from broker.freqtrade import Freqtrade
from broker.trade_store import Known, forget, keep, note_reconciled, read_known
from pilothouse import log
from pilothouse.clock import Clock, now
from pilothouse.db import Pool

PAGE = 100
SETTLED = timedelta(hours=1)  # so long after its end a trade may still change: fees arrive late


@dataclass(frozen=True)
class Seen:
    """What Freqtrade answered. `closed` reaches back until nothing is left that our tables do not have."""

    opened: Sequence[FreqtradeTrade]
    closed: Sequence[FreqtradeTrade]
    is_all: bool

    @property
    def ids(self) -> set[int]:
        """Of every trade in it."""
        return {trade.trade_id for trade in (*self.opened, *self.closed)}


class Reconciler:
    """One at a time, whoever asks."""

    def __init__(self, pool: Pool, freqtrade: Freqtrade, *, clock: Clock = now, page: int = PAGE) -> None:
        self._pool = pool
        self._freqtrade = freqtrade
        self._clock = clock
        self._page = page
        self._turn = asyncio.Lock()

    async def reconcile(self) -> None:
        """All of it, or, when Freqtrade or the database breaks off, nothing."""
        async with self._turn:
            at = self._clock()
            async with self._pool.connection() as connection:
                known = await read_known(connection)
            seen = await self._look(known)
            for trade in (*seen.opened, *seen.closed):
                known.require_same(trade)
            await self._write(seen, known, at)

    async def _look(self, known: Known) -> Seen:
        """Open ones first: a trade that is closed meanwhile is then in both, and its end counts."""
        opened = await self._freqtrade.open_trades()
        closed: list[FreqtradeTrade] = []
        while True:
            page = await self._freqtrade.closed_trades(limit=self._page, offset=len(closed))
            closed += page.trades
            ids = {trade.trade_id for trade in closed}
            if len(page.trades) < self._page:
                return Seen(opened, closed, is_all=True)
            if {trade.trade_id for trade in page.trades} <= known.closed and len(
                known.closed | ids
            ) == page.total_trades:
                return Seen(opened, closed, is_all=False)

    async def _write(self, seen: Seen, known: Known, at: datetime) -> None:
        news = [trade for trade in seen.closed if trade.trade_id not in known.closed or _may_change(trade, at)]
        gone = (known.opened | known.closed if seen.is_all else known.opened) - seen.ids
        async with self._pool.connection() as connection, connection.transaction():
            await keep(connection, [*seen.opened, *news], at=at)
            await forget(connection, gone, at=at)
            await note_reconciled(connection, at=at)
        if gone:
            log.get_logger().warning("trades.gone", trades=sorted(gone))


def _may_change(trade: FreqtradeTrade, at: datetime) -> bool:
    return trade.close_date is None or trade.close_date > at - SETTLED
