"""Verifies the audit log for whoever asks, and by itself: at the start, and again and again."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from psycopg import Error as DatabaseError

from broker.audit_chain import Finding
from broker.audit_check import Verification, verify
from broker.shared import Shared
from pilothouse import log
from pilothouse.db import Pool

PAUSE_S = 600.0
SHOWN = 3
TTL_S = 1.0

Alarm = Callable[[str], Awaitable[object]]


class Auditor:
    """One verification at a time, whoever asks: it reads the whole chain."""

    def __init__(self, pool: Pool, *, key: bytes, folder: Path) -> None:
        self._pool = pool
        self._key = key
        self._folder = folder
        self._shared = Shared(self._verify, ttl_s=TTL_S)

    async def verify(self) -> Verification:
        """Look at everything now."""
        return (await self._shared.get()).value

    async def watch(self, alarm: Alarm, *, pause_s: float = PAUSE_S) -> None:
        """Verify again and again, and raise the alarm for what was not found before; outlive any outage."""
        known: set[Finding] = set()
        while True:
            try:
                await self._look(known, alarm)
            except DatabaseError as error:
                log.get_logger().warning("audit.unchecked", error=str(error))
            await asyncio.sleep(pause_s)

    async def close(self) -> None:
        """End a verification under way."""
        await self._shared.close()

    async def _look(self, known: set[Finding], alarm: Alarm) -> None:
        news = [finding for finding in (await self.verify()).findings if finding not in known]
        if news:
            await alarm(summary(news))
            known.update(news)

    async def _verify(self) -> Verification:
        async with self._pool.connection() as connection:
            return await verify(connection, key=self._key, folder=self._folder)


def summary(findings: Sequence[Finding]) -> str:
    """The first few findings in one line."""
    more = len(findings) - SHOWN
    said = "; ".join(finding.message for finding in findings[:SHOWN])
    return f"the audit log does not hold: {said}" + (f"; and {more} more" if more > 0 else "")
