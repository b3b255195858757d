"""A run under way in this process, and what it has told so far."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from decimal import Decimal

from agents.events import Event, UsageRecorded
from agents.journal import Journal
from agents.store import NewRun


class LiveRun:
    """Collects a run's events for everyone who listens, from the beginning."""

    def __init__(self, run: NewRun, *, tainted: bool, journal: Journal) -> None:
        """`tainted`: what its thread was when it began."""
        self.run = run
        self.tainted = tainted
        self.journal = journal
        self._events: list[Event] = []
        self._news = asyncio.Event()
        self._closed = False

    def emit(self, event: Event) -> None:
        """Tell everyone who listens."""
        self._events.append(event)
        self._news.set()

    def close(self) -> None:
        """Nothing more will come from this process; without an end told, the run goes on elsewhere."""
        self._closed = True
        self._news.set()

    @property
    def cost_usd(self) -> Decimal:
        """What the run's model calls cost so far."""
        costs = (event.cost_usd for event in self._events if isinstance(event, UsageRecorded))
        return sum((cost for cost in costs if cost is not None), Decimal(0))

    async def batches(self, *, silence_s: float) -> AsyncGenerator[Sequence[Event]]:
        """Everything from the beginning to the end, in the pieces in which it comes; empty after each silence."""
        position = 0
        while position < len(self._events) or not self._closed:
            if position == len(self._events):
                await self._wait(silence_s)
            batch = self._events[position:]
            position += len(batch)
            yield batch

    async def _wait(self, silence_s: float) -> None:
        self._news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(silence_s):
                await self._news.wait()
