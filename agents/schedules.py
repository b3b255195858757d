"""Schedules as people make, look at and change them. What fires them is in `firing.py`."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID, uuid4

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from agents.background import Background
from agents.leases import NewRun
from agents.store import Store
from agents.timing import next_times
from pilothouse.clock import Clock
from pilothouse.db import AsyncDictConnection, Pool
from pilothouse.errors import BadInputError, ConflictError, NotFoundError

COLUMNS = """schedule.id, schedule.user_id, schedule.name, schedule.cron, schedule.zone, schedule.message,
           schedule.thread_id, schedule.missed, schedule.enabled, schedule.deadline_s, schedule.max_model_calls,
           schedule.budget_usd, schedule.next_at, schedule.skipped_at, schedule.skipped_because, schedule.created_at,
           CASE WHEN run.id IS NOT NULL THEN json_build_object(
               'run_id', run.id, 'status', run.status, 'error', run.error ->> 'message', 'cost_usd', run.cost_usd::text,
               'created_at', run.created_at, 'ended_at', run.ended_at) END AS last_run"""
ADD = """
    INSERT INTO controller.schedules
        (id, user_id, name, cron, zone, message, thread_id, missed, enabled, deadline_s, max_model_calls, budget_usd,
         next_at)
    VALUES (%(id)s, %(user_id)s, %(name)s, %(cron)s, %(zone)s, %(message)s, %(thread_id)s, %(missed)s, %(enabled)s,
            %(deadline_s)s, %(max_model_calls)s, %(budget_usd)s, %(next_at)s)"""
LIST = f"""
    SELECT {COLUMNS}
    FROM controller.schedules AS schedule
    LEFT JOIN controller.runs AS run ON run.id = schedule.last_run_id
    WHERE schedule.user_id = %(user_id)s
    ORDER BY schedule.name"""  # noqa: S608 -- the columns are a constant
GET = f"""
    SELECT {COLUMNS}
    FROM controller.schedules AS schedule
    LEFT JOIN controller.runs AS run ON run.id = schedule.last_run_id
    WHERE schedule.id = %(id)s AND schedule.user_id = %(user_id)s"""  # noqa: S608 -- the columns are a constant
LOCK = "SELECT id FROM controller.schedules WHERE id = %(id)s FOR UPDATE"
CHANGE = """
    UPDATE controller.schedules
    SET name = %(name)s, cron = %(cron)s, zone = %(zone)s, message = %(message)s, thread_id = %(thread_id)s,
        missed = %(missed)s, enabled = %(enabled)s, deadline_s = %(deadline_s)s, max_model_calls = %(max_model_calls)s,
        budget_usd = %(budget_usd)s, next_at = %(next_at)s
    WHERE id = %(id)s"""
RAN = "UPDATE controller.schedules SET last_run_id = %(run_id)s WHERE id = %(id)s"
DELETE = "DELETE FROM controller.schedules WHERE id = %(id)s AND user_id = %(user_id)s RETURNING id"

Missed = Literal["skip", "once"]
WantedThread = Literal["each", "own"] | UUID


@dataclass(frozen=True)
class NewSchedule:
    """What to ask the agent, and when. Without a thread, each run gets a new one."""

    user_id: str
    name: str
    cron: str
    zone: str
    message: str
    thread_id: UUID | None
    missed: Missed
    enabled: bool
    deadline_s: int
    max_model_calls: int
    budget_usd: Decimal | None


@dataclass(frozen=True)
class Schedule(NewSchedule):
    """A schedule as stored, with its last run. The last time it was passed over, and why, if it ever was."""

    id: UUID
    next_at: datetime
    created_at: datetime
    skipped_at: datetime | None
    skipped_because: str | None
    last_run: dict[str, Any] | None

    @property
    def has_run_waiting(self) -> bool:
        """A second one does not queue up behind it."""
        return self.last_run is not None and self.last_run["status"] == "queued"

    def run(self, model: str, *, idempotency_key: str | None = None) -> NewRun:
        """The run it stands for."""
        return NewRun(
            id=uuid4(),
            thread_id=self.thread_id or uuid4(),
            user_id=self.user_id,
            caller=f"schedule {self.name}",
            idempotency_key=idempotency_key,
            message=self.message,
            model=model,
            deadline_s=self.deadline_s,
            max_model_calls=self.max_model_calls,
            budget_usd=self.budget_usd,
        )


class Schedules:
    """The table of schedules: the only door for `api/`."""

    def __init__(self, *, pool: Pool, background: Background, clock: Clock, model: str) -> None:
        """`model` is what their runs ask for."""
        self._pool = pool
        self._store = Store(pool)
        self._background = background
        self._clock = clock
        self._model = model

    async def add(self, new: NewSchedule) -> Schedule:
        """Store it; it is due at the first time after now."""
        schedule_id = uuid4()
        values = {**vars(new), "id": schedule_id, "next_at": self._next_time(new)}
        async with self._pool.connection() as connection:
            await _write(connection, ADD, values)
            return await _get(connection, schedule_id, new.user_id)

    async def list_all(self, *, user_id: str) -> list[Schedule]:
        """A user's schedules, by name."""
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Schedule)) as cursor:
            await cursor.execute(LIST, {"user_id": user_id})
            return await cursor.fetchall()

    async def get(self, schedule_id: UUID, *, user_id: str) -> Schedule:
        """A user's schedule; other people's do not exist."""
        async with self._pool.connection() as connection:
            return await _get(connection, schedule_id, user_id)

    async def change(self, schedule_id: UUID, *, user_id: str, changes: dict[str, Any]) -> Schedule:
        """`changes` by field. What was due before another timing, or while it was paused, is not caught up on."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(LOCK, {"id": schedule_id})
            before = await _get(connection, schedule_id, user_id)
            after = replace(before, **changes)
            if _timing(after) != _timing(before):
                after = replace(after, next_at=self._next_time(after))
            await _write(connection, CHANGE, vars(after))
        return after

    async def delete(self, schedule_id: UUID, *, user_id: str) -> None:
        """Its runs stay."""
        async with self._pool.connection() as connection:
            gone = await (await connection.execute(DELETE, {"id": schedule_id, "user_id": user_id})).fetchone()
        if gone is None:
            raise _unknown(schedule_id)

    async def run_now(self, schedule_id: UUID, *, user_id: str) -> NewRun:
        """A run beside those that are due, also while it is paused."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(LOCK, {"id": schedule_id})
            schedule = await _get(connection, schedule_id, user_id)
            if schedule.has_run_waiting:
                hint = "wait until a worker has taken it, or cancel it"
                raise ConflictError(f"a run of schedule '{schedule.name}' is waiting already", hint=hint)
            run = schedule.run(self._model)
            await self._background.add_in(connection, run, may_wait=True, urgent=False)
            await connection.execute(RAN, {"id": schedule_id, "run_id": run.id})
        return run

    async def choose_thread(self, wanted: WantedThread, *, user_id: str) -> UUID | None:
        """What `thread_id` says it: None for a thread of each run's own, or one for all, new or already there."""
        if wanted == "each":
            return None
        if wanted == "own":
            return uuid4()  # the first run makes it
        return (await self._store.get_thread(wanted, user_id=user_id)).id

    def upcoming(self, schedule: Schedule, *, count: int) -> list[datetime]:
        """When it is due from now on; never, while it is paused or its time zone is no more."""
        if not schedule.enabled:
            return []
        with suppress(BadInputError):
            return next_times(schedule.cron, schedule.zone, after=self._clock(), count=count)
        return []

    def _next_time(self, schedule: NewSchedule) -> datetime:
        return next_times(schedule.cron, schedule.zone, after=self._clock(), count=1)[0]


async def _get(connection: AsyncDictConnection, schedule_id: UUID, user_id: str) -> Schedule:
    async with connection.cursor(row_factory=class_row(Schedule)) as cursor:
        await cursor.execute(GET, {"id": schedule_id, "user_id": user_id})
        schedule = await cursor.fetchone()
    if schedule is None:
        raise _unknown(schedule_id)
    return schedule


async def _write(connection: AsyncDictConnection, statement: Any, values: dict[str, Any]) -> None:
    try:
        await connection.execute(statement, values)
    except UniqueViolation as error:
        hint = "change or delete that one, or take another name"
        raise ConflictError(f"you have a schedule '{values['name']}' already", hint=hint) from error


def _timing(schedule: Schedule) -> tuple[str, str, bool]:
    return schedule.cron, schedule.zone, schedule.enabled


def _unknown(schedule_id: UUID) -> NotFoundError:
    return NotFoundError(f"there is no schedule {schedule_id}", hint="GET /api/schedules lists yours")
