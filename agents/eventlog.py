"""The stored events of runs: written by whoever executes a run, read by whoever follows it, on any replica."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from agents.events import ENDS, MESSAGE_COMPLETED, MESSAGE_DELTA, ONCE, Event, step_of
from pilothouse.db import Pool

POLL_S = 0.1  # only for followers of runs that another process executes

ADD = """
    INSERT INTO controller.run_events (run_id, number, type, data)
    SELECT run.id, told.number, told.type, told.data
    FROM controller.runs AS run,
         json_to_recordset(%(told)s) AS told (number integer, type text, data json)
    WHERE run.id = %(run_id)s AND run.attempts = %(attempts)s AND run.ended_at IS NULL
    FOR SHARE OF run
    RETURNING number"""
READ = """
    SELECT number, type, data::text
    FROM controller.run_events
    WHERE run_id = %(run_id)s AND number > %(after)s
    ORDER BY number"""
IS_OVER = """
    SELECT NOT EXISTS (
        SELECT FROM controller.runs
        WHERE id = %(run_id)s AND ended_at IS NULL) AS is_over"""
# The steps of what is told once; of everything else only the last number counts.
EARLIER = """
    SELECT type, number, coalesce(data ->> 'step', split_part(data ->> 'message_id', '#', 1)) AS step
    FROM controller.run_events
    WHERE run_id = %(run_id)s AND type = ANY(%(once)s)
    UNION ALL
    SELECT '', max(number), NULL
    FROM controller.run_events
    WHERE run_id = %(run_id)s
    HAVING count(*) > 0"""


@dataclass(frozen=True)
class StoredEvent:
    """One event as it was stored and as it goes out: its data is JSON text."""

    number: int
    type: str
    data: str

    @property
    def is_end(self) -> bool:
        """Nothing comes after it."""
        return self.type in ENDS


def as_rows(events: Sequence[StoredEvent]) -> str:
    """As `json_to_recordset` takes them, in one parameter."""
    rows = (f'{{"number":{each.number},"type":"{each.type}","data":{each.data}}}' for each in events)
    return f"[{','.join(rows)}]"


@dataclass(frozen=True)
class Earlier:
    """What was told of a run before this process had it."""

    last_number: int = 0
    steps: frozenset[tuple[str, str]] = frozenset()

    def has(self, event: Event) -> bool:
        """Whether this was told whole; the words of a message are, once it was completed."""
        kind = MESSAGE_COMPLETED if event.type == MESSAGE_DELTA else event.type
        return (kind, step_of(event)) in self.steps


class EventLog:
    """The table `controller.run_events`."""

    def __init__(self, pool: Pool) -> None:
        """`pool` connects with the controller's role."""
        self._pool = pool

    async def add(self, run_id: UUID, *, attempts: int, events: Sequence[StoredEvent]) -> bool:
        """Store a batch; False, and nothing stored, when another process has the run."""
        values = {"run_id": run_id, "attempts": attempts, "told": as_rows(events)}
        async with self._pool.connection() as connection:
            return (await connection.execute(ADD, values)).rowcount == len(events)

    async def read(self, run_id: UUID, *, after: int) -> list[StoredEvent]:
        """What was told after event number `after`."""
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(StoredEvent)) as cursor,
        ):
            await cursor.execute(READ, {"run_id": run_id, "after": after})
            return await cursor.fetchall()

    async def read_earlier(self, run_id: UUID, *, attempts: int) -> Earlier:
        """What earlier attempts at a run told."""
        if attempts == 1:
            return Earlier()
        async with self._pool.connection() as connection:
            values = {"run_id": run_id, "once": list(ONCE)}
            rows = await (await connection.execute(EARLIER, values)).fetchall()
        told = frozenset((row["type"], row["step"]) for row in rows if row["step"])
        return Earlier(max((row["number"] for row in rows), default=0), told)

    async def follow(self, run_id: UUID, *, after: int, silence_s: float) -> AsyncGenerator[Sequence[StoredEvent]]:
        """Everything after `after` until the run's end, as it is stored; empty after each silence.

        It also ends when nothing can come any more: the end was heard before, or the run was deleted meanwhile.
        """
        silent_s, is_over = 0.0, await self._is_over(run_id)
        while True:
            events = await self.read(run_id, after=after)
            if events:
                yield events
                after, silent_s = events[-1].number, 0.0
                if events[-1].is_end:
                    return
            elif is_over:  # asked before reading: an end told in between is read
                return
            elif silent_s >= silence_s:
                yield []
                silent_s, is_over = 0.0, await self._is_over(run_id)
            await asyncio.sleep(POLL_S)
            silent_s += POLL_S

    async def _is_over(self, run_id: UUID) -> bool:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(IS_OVER, {"run_id": run_id})).fetchone()
        return row is None or row["is_over"]
