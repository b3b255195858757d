"""One at a time for each user, in a fixed amount of memory."""

import asyncio
import zlib
from collections.abc import Callable


class StripedLocks:
    """Users share a fixed number of locks; two who share one only wait for each other."""

    def __init__(self, stripes: int = 64) -> None:
        self._locks = [asyncio.Lock() for _ in range(stripes)]

    def of(self, scope: str) -> asyncio.Lock:
        """The lock of this user."""
        return self._locks[zlib.crc32(scope.encode()) % len(self._locks)]


async def to_the_end(work: Callable[[], object]) -> None:
    """Do this in a thread. Whoever is cancelled meanwhile still waits for it: their lock must not open before."""
    thread = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(thread)
    except asyncio.CancelledError:
        await asyncio.wait([thread])
        raise
