"""A run under way in this process. What it tells is stored first and heard afterwards.

So nobody ever heard something that a crash then unsays.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from decimal import Decimal

from agents.eventlog import Earlier, EventLog, StoredEvent
from agents.events import Event, MessageDelta, UsageRecorded, coalesce
from agents.journal import RunJournal, RunLostError
from agents.leases import End, Leases, NewRun, OnCancel
from pilothouse.cancelling import AGAIN_S

PAUSE_S = 0.1  # what comes within it is stored together; the first words of a message do not wait for it


class LiveRun:
    """Stores a run's events in order, in batches, and lets anyone here listen from any point."""

    def __init__(self, run: NewRun, *, tainted: bool, journal: RunJournal, log: EventLog, told: Earlier) -> None:
        """`tainted`: what its thread was when it began. `told`: what earlier attempts told."""
        self.run = run
        self.tainted = tainted
        self.journal = journal
        self.on_cancel: OnCancel | None = run.cancel_asked
        self.broken: BaseException | None = None  # why the run cannot go on in this process
        self.cancelled_at_s = -math.inf
        self.is_ending = False  # a cancellation comes too late
        self.cost_usd = Decimal(0)
        self.cost_is_known = True
        self._log = log
        self._told = told
        self._waiting: list[Event] = []
        self._stored: list[StoredEvent] = []
        self._emitted = asyncio.Event()
        self._urgent = asyncio.Event()
        self._speaking = ""  # the message whose words are arriving
        self._news = asyncio.Event()
        self._closed = False
        self._storing = asyncio.Lock()

    def emit(self, event: Event) -> None:
        """Tell everyone who listens, as soon as it is stored; what an earlier attempt told is not told again."""
        if isinstance(event, UsageRecorded):
            self.cost_usd += event.cost_usd or 0
            self.cost_is_known &= event.cost_usd is not None
        if self._told.has(event):
            return
        self._waiting.append(event)
        self._emitted.set()
        if isinstance(event, MessageDelta) and event.message_id != self._speaking:
            self._speaking = event.message_id
            self._urgent.set()

    async def write(self) -> None:
        """Store what is emitted, until cancelled. Raises `RunLostError` when another process has the run."""
        while True:
            await self._emitted.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSE_S):
                    await self._urgent.wait()
            await self.flush()

    async def flush(self) -> None:
        """Store what waits, then let it be heard."""
        async with self._storing:
            taken, batch = len(self._waiting), self._numbered(self._waiting)
            if not batch:
                return
            if not await self._log.add(self.run.id, attempts=self.run.attempts, events=batch):
                raise RunLostError(f"run {self.run.id} was taken over by another process")
            del self._waiting[:taken]
            self._publish(batch)

    async def end(self, leases: Leases, end: End) -> None:
        """Store the run's end together with all that is still to be told, the end last."""
        async with self._storing:
            batch = self._numbered([*self._waiting, end.event])
            if not await leases.end(self.run, end, told=batch):
                raise RunLostError(f"run {self.run.id} was ended by another process")
            self._waiting.clear()
            self._publish(batch)

    def can_be_cancelled(self, now_s: float) -> bool:
        """Neither is the run at its end, nor was it told a moment ago."""
        return not self.is_ending and now_s >= self.cancelled_at_s + AGAIN_S

    def close(self) -> None:
        """Nothing more will come from this process; without an end told, the run goes on elsewhere."""
        self._closed = True
        self._news.set()

    async def follow(self, *, after: int, silence_s: float) -> AsyncGenerator[Sequence[StoredEvent]]:
        """What this process stored after `after`, as it comes; empty after each silence; ends when closed."""
        position = max(0, after - self._told.last_number)
        while position < len(self._stored) or not self._closed:
            if position >= len(self._stored):
                await self._wait(silence_s)
            batch = self._stored[position:]
            position += len(batch)
            yield batch

    @property
    def has_untold(self) -> bool:
        """Something was emitted that is not stored."""
        return bool(self._waiting)

    @property
    def earlier(self) -> int:
        """How many events earlier attempts stored; they are in the log, not here."""
        return self._told.last_number

    def _numbered(self, events: Sequence[Event]) -> list[StoredEvent]:
        self._emitted.clear()
        self._urgent.clear()
        first = self._told.last_number + len(self._stored) + 1
        return [_stored(number, event) for number, event in enumerate(coalesce(events), first)]

    def _publish(self, batch: Sequence[StoredEvent]) -> None:
        self._stored.extend(batch)
        self._news.set()

    async def _wait(self, silence_s: float) -> None:
        self._news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(silence_s):
                await self._news.wait()


def _stored(number: int, event: Event) -> StoredEvent:
    return StoredEvent(number=number, type=event.type, data=event.model_dump_json(exclude={"type"}))
