"""What all was worth, minute by minute. What could not be known is null with its reason, never a smaller number."""

from datetime import datetime
from decimal import Decimal

from broker.readings import Readings
from pilothouse.clock import Clock, now
from pilothouse.db import Pool
from pilothouse.errors import PilothouseError

LAST_CURRENCY = "SELECT currency FROM broker.equity WHERE currency IS NOT NULL ORDER BY at DESC LIMIT 1"
KEEP = """
    INSERT INTO broker.equity (at, currency, total, free, reason)
    VALUES (%(at)s, %(currency)s, %(total)s, %(free)s, %(reason)s)
    ON CONFLICT (at) DO NOTHING"""


class Equity:
    """The table `broker.equity`."""

    def __init__(self, pool: Pool, readings: Readings, *, clock: Clock = now) -> None:
        self._pool = pool
        self._readings = readings
        self._clock = clock

    async def note(self) -> None:
        """Read the balance, and add a row in any case."""
        try:
            balance = await self._readings.balance()
        except PilothouseError as error:
            await self._keep_unknown(error.message)
            return
        if not balance.complete:
            await self._keep_unknown(balance.warning)
            return
        await self._keep(balance.as_of, balance.currency, total=balance.total, free=balance.free)

    async def _keep_unknown(self, reason: str) -> None:
        async with self._pool.connection() as connection:
            last = await (await connection.execute(LAST_CURRENCY)).fetchone()
        await self._keep(self._clock(), last["currency"] if last else None, reason=reason)

    async def _keep(
        self,
        at: datetime,
        currency: str | None,
        *,
        total: Decimal | None = None,
        free: Decimal | None = None,
        reason: str = "",
    ) -> None:
        values = {"at": at, "currency": currency, "total": total, "free": free, "reason": reason}
        async with self._pool.connection() as connection:
            await connection.execute(KEEP, values)
