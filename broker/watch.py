"""What makes the broker halt by itself: too great a loss today, too many intents whose fate is unknown."""

from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from broker.book_side import read_books
from broker.books import Books
from broker.bot_side import Lookout, NoDataError
from broker.entry_limits import loss_today
from broker.policy import CurrentPolicy
from broker.snapshot import Snapshot
from pilothouse.clock import Clock, now
from pilothouse.db import Pool

PAUSE = timedelta(seconds=10)  # a look at Freqtrade's trades and balance
NO_INTENT = UUID(int=0)


class Watch:
    """Asked again and again."""

    def __init__(
        self, pool: Pool, books: Books, policy: CurrentPolicy, lookout: Lookout, *, folder: Path, clock: Clock = now
    ) -> None:
        self._pool = pool
        self._books = books
        self._policy = policy
        self._lookout = lookout
        self._folder = folder
        self._clock = clock
        self._looked_at: datetime | None = None

    async def reason(self) -> str:
        """Why to halt, or nothing. What is not known now halts nothing: entries are refused for it anyway."""
        unknown, limit = len(await self._books.in_states("unknown")), self._policy.now.max_unknown
        if unknown > limit:
            return f"the fate of {unknown} intents is unknown, the limit is {limit}"
        if self._looked_at is not None and self._clock() < self._looked_at + PAUSE:
            return ""
        self._looked_at = self._clock()
        try:
            return loss_today(self._policy.now, await self._snapshot()) or ""
        except NoDataError:
            return ""

    async def _snapshot(self) -> Snapshot:
        side = await self._lookout.side()
        async with self._pool.connection() as connection:
            books = await read_books(connection, besides=NO_INTENT, at=self._clock(), folder=self._folder)
        return Snapshot(side, books)
