"""Keeps our tables of trades, orders and equity: reconciles at every event, and all the same twice a minute."""

import asyncio

from psycopg import Error as DatabaseError

from broker.equity import Equity
from broker.reconcile import Reconciler
from pilothouse import log
from pilothouse.errors import PilothouseError

EVERY_S = 30.0
EQUITY_EVERY_S = 60.0
AGAIN_S = 2.0  # after a failure
TOGETHER_S = 0.2  # events come in bursts


class Keeping:
    """What the broker does by itself about its tables."""

    def __init__(self, reconciler: Reconciler, equity: Equity, *, every_s: float = EVERY_S) -> None:
        self._reconciler = reconciler
        self._equity = equity
        self._every_s = every_s
        self._news = asyncio.Event()

    def wake(self, _topic: str = "") -> None:
        """Something happened at Freqtrade: look now."""
        self._news.set()

    async def keep_trades(self) -> None:
        """Until cancelled; outlives any outage."""
        while True:
            self._news.clear()
            pause_s = self._every_s if await self._reconcile() else AGAIN_S
            try:
                async with asyncio.timeout(pause_s):
                    await self._news.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(TOGETHER_S)

    async def keep_equity(self, *, every_s: float = EQUITY_EVERY_S) -> None:
        """Until cancelled; outlives any outage."""
        while True:
            try:
                await self._equity.note()
            except DatabaseError as error:
                log.get_logger().warning("equity.delayed", error=str(error))
            await asyncio.sleep(every_s)

    async def _reconcile(self) -> bool:
        try:
            await self._reconciler.reconcile()
        except (PilothouseError, DatabaseError) as error:
            log.get_logger().warning("reconcile.delayed", error=str(error))
            return False
        return True
