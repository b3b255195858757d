"""Who wants a compaction waits for one that begins after they asked; those who ask close together share it."""

import asyncio
from collections.abc import Awaitable, Callable

SETTLE_S = 0.2


class Compactor:
    """One compaction at a time, and at most one more that waits."""

    def __init__(self, compact: Callable[[], Awaitable[None]]) -> None:
        self._compact = compact
        self._next: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def compact(self) -> None:
        """Return when the files hold nothing any more that was deleted before this call."""
        if self._next is None:
            self._next = asyncio.create_task(self._run())
        await asyncio.shield(self._next)

    async def _run(self) -> None:
        await asyncio.sleep(SETTLE_S)
        async with self._one_at_a_time:
            self._next = None
            await self._compact()
