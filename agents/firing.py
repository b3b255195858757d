"""Fires schedules: the run is stored and the schedule moves on in one transaction, so each due time is fired once.

Every process looks; whoever locks a due schedule first has it, and a crash before the end leaves it due.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from agents.background import Background
from agents.schedules import COLUMNS, Schedule
from agents.timing import next_times
from pilothouse import log
from pilothouse.clock import Clock
from pilothouse.db import AsyncDictConnection, Pool
from pilothouse.errors import BadInputError

LOOK_EVERY_S = 1
MISSED_AFTER = timedelta(minutes=1)
MISSED = "nothing of the stack was running at that time"
STILL_WAITING = "its run before still waited"
FIRED_BEFORE = "it was fired for that time before"

TAKE_DUE = f"""
    SELECT {COLUMNS}
    FROM controller.schedules AS schedule
    LEFT JOIN controller.runs AS run ON run.id = schedule.last_run_id
    WHERE schedule.enabled AND schedule.next_at <= %(now)s
    ORDER BY schedule.next_at
    LIMIT 1
    FOR UPDATE OF schedule SKIP LOCKED"""  # noqa: S608 -- the columns are a constant
MOVE_ON = """
    UPDATE controller.schedules
    SET next_at = %(next_at)s,
        last_run_id = coalesce(%(run_id)s, last_run_id),
        skipped_at = CASE WHEN %(skipped)s::text IS NULL THEN skipped_at ELSE next_at END,
        skipped_because = coalesce(%(skipped)s, skipped_because)
    WHERE id = %(id)s"""
PAUSE = """
    UPDATE controller.schedules
    SET enabled = false, skipped_at = next_at, skipped_because = %(skipped)s
    WHERE id = %(id)s"""

logger = log.get_logger()


class Firing:
    """What turns due schedules into runs."""

    def __init__(self, *, pool: Pool, background: Background, clock: Clock, model: str) -> None:
        """`model` is what their runs ask for."""
        self._pool = pool
        self._background = background
        self._clock = clock
        self._model = model

    async def keep_firing(self) -> None:
        """For as long as the process lives."""
        while True:
            try:
                while await self.fire_one():
                    pass
            except psycopg.Error as error:  # what was due still is
                logger.warning("firing.failed", reason=str(error))
            await asyncio.sleep(LOOK_EVERY_S)

    async def fire_one(self) -> bool:
        """Fire a schedule that is due, or pass over it; False when none is due."""
        now = self._clock()
        async with self._pool.connection() as connection, connection.transaction():
            schedule = await _take_due(connection, now)
            if schedule is None:
                return False
            values = await self._fire(connection, schedule, now)
        logger.info("schedule.fired", schedule=schedule.name, due_at=schedule.next_at.isoformat(), **values)
        return True

    async def _fire(self, connection: AsyncDictConnection, schedule: Schedule, now: datetime) -> dict[str, Any]:
        try:
            [next_at] = next_times(schedule.cron, schedule.zone, after=now, count=1)
        except BadInputError as error:  # time zones do get renamed; the others go on
            await connection.execute(PAUSE, {"id": schedule.id, "skipped": error.message})
            return {"paused": error.message}
        skipped = _reason_to_skip(schedule, now)
        run_id = None if skipped else await self._start(connection, schedule)
        if run_id is None:
            skipped = skipped or FIRED_BEFORE
        values = {"id": schedule.id, "next_at": next_at, "run_id": run_id, "skipped": skipped}
        await connection.execute(MOVE_ON, values)
        return {"skipped": skipped} if skipped else {"run_id": str(run_id)}

    async def _start(self, connection: AsyncDictConnection, schedule: Schedule) -> UUID | None:
        """None: another process, whose clock is ahead, has fired this time before the schedule was changed."""
        due_at = schedule.next_at.astimezone(UTC).isoformat()
        run = schedule.run(self._model, idempotency_key=f"schedule {schedule.id} {due_at}")
        try:
            await self._background.add_in(connection, run, may_wait=True, urgent=False)
        except UniqueViolation:
            return None
        return run.id


async def _take_due(connection: AsyncDictConnection, now: datetime) -> Schedule | None:
    async with connection.cursor(row_factory=class_row(Schedule)) as cursor:
        await cursor.execute(TAKE_DUE, {"now": now})
        return await cursor.fetchone()


def _reason_to_skip(schedule: Schedule, now: datetime) -> str | None:
    if schedule.has_run_waiting:
        return STILL_WAITING
    if schedule.missed == "skip" and now - schedule.next_at > MISSED_AFTER:
        return MISSED
    return None
