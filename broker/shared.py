"""One reading for everyone who asks: calls do not pile up on a slow bot, and the last answer is kept."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from pilothouse.clock import Clock, now

Value = TypeVar("Value")


@dataclass(frozen=True)
class Reading(Generic[Value]):
    """A value and the instant it was read."""

    value: Value
    at: datetime


class Shared(Generic[Value]):
    """At most one call at a time; an answer stays good for `ttl_s`. Failures are not kept."""

    def __init__(self, read: Callable[[], Awaitable[Value]], *, ttl_s: float, clock: Clock = now) -> None:
        self._read = read
        self._ttl_s = ttl_s
        self._clock = clock
        self._task: asyncio.Task[Reading[Value]] | None = None
        self.last: Reading[Value] | None = None

    async def get(self) -> Reading[Value]:
        """The kept answer while it is good, else that of the one call under way."""
        if self.last and (self._clock() - self.last.at).total_seconds() < self._ttl_s:
            return self.last
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._refresh())
            self._task.add_done_callback(_look_at_error)
        # The call goes on when the one who asked gives up.
        return await asyncio.shield(self._task)

    async def close(self) -> None:
        """End the call under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _refresh(self) -> Reading[Value]:
        value = await self._read()
        self.last = Reading(value, self._clock())
        return self.last


def _look_at_error(task: asyncio.Task[Reading[Value]]) -> None:
    """Whoever still waits gets the error; when nobody does, it is no news."""
    if not task.cancelled():
        task.exception()
