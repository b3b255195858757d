"""Who runs what: a run is stored before it starts, one at a time holds a thread, and a holder can be fenced off.

Every statement is one round trip and one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from agents.eventlog import StoredEvent, as_rows
from agents.events import Event
from pilothouse.db import AsyncDictConnection, Pool

CHANNEL = "pilothouse_runs"  # NOTIFY: a run's id when its cancellation is asked for
OnCancel = Literal["keep", "roll back"]

COLUMNS = """run.id, run.thread_id, run.user_id, run.caller, run.idempotency_key, run.message, run.model,
              run.attempts, run.cancel_asked, run.deadline_s, run.max_model_calls, run.budget_usd, run.tells_of,
              extract(epoch FROM now() - run.started_at)::float8 AS elapsed_s"""
# A run begins when it has its lease, not when it asks for it: `now()` may be before the end of the run that had it.
# Without the lease nothing is stored, unless the run may wait; nobody overtakes a run that waits.
ADD = """
    WITH thread AS (
        INSERT INTO controller.threads (id, user_id)
        VALUES (%(thread_id)s, %(user_id)s)
        ON CONFLICT (id) DO NOTHING
    ), lease AS (
        INSERT INTO controller.thread_leases (thread_id, run_id, expires_at)
        SELECT %(thread_id)s, %(id)s, now() + %(lease_s)s * interval '1 second'
        WHERE NOT EXISTS (
            SELECT FROM controller.runs
            WHERE thread_id = %(thread_id)s AND status = 'queued')
        ON CONFLICT (thread_id) DO NOTHING
        RETURNING run_id
    )
    INSERT INTO controller.runs
        (id, thread_id, user_id, caller, idempotency_key, message, model, urgent, deadline_s, max_model_calls,
         budget_usd, status, started_at)
    SELECT %(id)s, %(thread_id)s, %(user_id)s, %(caller)s, %(idempotency_key)s, %(message)s, %(model)s, %(urgent)s,
           %(deadline_s)s, %(max_model_calls)s, %(budget_usd)s,
           CASE WHEN lease.run_id IS NULL THEN 'queued' ELSE 'running' END,
           CASE WHEN lease.run_id IS NULL THEN NULL ELSE clock_timestamp() END
    FROM (SELECT) AS one LEFT JOIN lease ON true
    WHERE lease.run_id IS NOT NULL OR %(may_wait)s
    RETURNING status"""
# The row lock re-checks that the run still waits; the lease decides between processes. Nothing is skipped because it is
# locked: whoever locks a thread's first run is about to take its lease, and the second must not overtake it.
CLAIM = f"""
    WITH next AS MATERIALIZED (
        SELECT id, thread_id
        FROM controller.runs AS run
        WHERE status = 'queued'
          AND NOT awaits_worker
          AND (%(thread_id)s::uuid IS NULL OR thread_id = %(thread_id)s)
          AND NOT EXISTS (
              SELECT FROM controller.thread_leases AS lease
              WHERE lease.thread_id = run.thread_id)
          AND NOT EXISTS (
              SELECT FROM controller.runs AS ahead
              WHERE ahead.thread_id = run.thread_id AND ahead.status = 'queued' AND ahead.awaits_worker
                AND (ahead.urgent, -ahead.place) > (run.urgent, -run.place))
        ORDER BY urgent DESC, place
        LIMIT 1
        FOR UPDATE
    ), lease AS (
        INSERT INTO controller.thread_leases (thread_id, run_id, expires_at)
        SELECT thread_id, id, now() + %(lease_s)s * interval '1 second'
        FROM next
        ON CONFLICT (thread_id) DO NOTHING
        RETURNING run_id
    )
    UPDATE controller.runs AS run
    SET status = 'running', started_at = clock_timestamp()
    FROM lease
    WHERE run.id = lease.run_id
    RETURNING {COLUMNS}"""  # noqa: S608 -- the columns are a constant
# A lease that ran out belongs to a run whose process died. Whoever renews it first goes on with the run.
TAKE_OVER = f"""
    WITH taken AS (
        UPDATE controller.thread_leases
        SET expires_at = now() + %(lease_s)s * interval '1 second', attempts = attempts + 1
        WHERE expires_at < now()
        RETURNING run_id, attempts
    )
    UPDATE controller.runs AS run
    SET attempts = taken.attempts
    FROM taken
    WHERE run.id = taken.run_id
    RETURNING {COLUMNS}"""  # noqa: S608 -- the columns are a constant
# `attempts` fences: a process that lost its run to another one can neither renew it, nor end it, nor speak for it.
KEEP = """
    UPDATE controller.thread_leases
    SET expires_at = now() + %(lease_s)s * interval '1 second'
    WHERE run_id = %(id)s AND attempts = %(attempts)s
    RETURNING run_id"""
END = """
    WITH ended AS (
        UPDATE controller.runs
        SET status = %(status)s, answer = %(answer)s, error = %(error)s, cost_usd = %(cost_usd)s, ended_at = now()
        WHERE id = %(id)s AND attempts = %(attempts)s AND ended_at IS NULL
        RETURNING id
    ), freed AS (
        DELETE FROM controller.thread_leases
        USING ended
        WHERE run_id = ended.id
    )
    INSERT INTO controller.run_events (run_id, number, type, data)
    SELECT ended.id, told.number, told.type, told.data
    FROM ended, json_to_recordset(%(told)s) AS told (number integer, type text, data json)
    RETURNING run_id"""
ASK_CANCEL = """
    WITH asked AS (
        UPDATE controller.runs
        SET cancel_asked = %(on_cancel)s
        WHERE id = %(id)s AND status = 'running'
        RETURNING id
    )
    SELECT pg_notify(%(channel)s, id::text)
    FROM asked"""
# Only an older run makes way, so a message never cancels itself or a newer one.
ASK_TO_MAKE_WAY = """
    WITH asked AS (
        UPDATE controller.runs AS holder
        SET cancel_asked = %(on_cancel)s
        FROM controller.thread_leases AS lease, controller.runs AS newer
        WHERE newer.id = %(id)s AND lease.thread_id = newer.thread_id
          AND holder.id = lease.run_id AND holder.status = 'running' AND holder.place < newer.place
        RETURNING holder.id
    )
    SELECT pg_notify(%(channel)s, id::text)
    FROM asked"""
DROP_WAITING = """
    WITH dropped AS (
        UPDATE controller.runs
        SET status = 'cancelled', ended_at = now()
        WHERE id = %(id)s AND status = 'queued'
        RETURNING id, thread_id
    )
    INSERT INTO controller.run_events (run_id, number, type, data)
    SELECT id, 1, 'run.cancelled', json_build_object('run_id', id, 'thread_id', thread_id, 'kept', false)
    FROM dropped
    RETURNING run_id"""
ASKED = "SELECT cancel_asked FROM controller.runs WHERE id = %(id)s"


@dataclass(frozen=True)
class Limits:
    """What one run may use. Without a budget the proxy's own limits hold."""

    deadline_s: int = 600
    max_model_calls: int = 12
    budget_usd: Decimal | None = None


@dataclass(frozen=True)
class NewRun:
    """A run as it is accepted, and as whoever executes it sees it."""

    id: UUID
    thread_id: UUID
    user_id: str
    caller: str
    idempotency_key: str | None
    message: str
    model: str
    attempts: int = 1
    cancel_asked: OnCancel | None = None
    deadline_s: int = 600
    max_model_calls: int = 12
    budget_usd: Decimal | None = None
    tells_of: UUID | None = None  # the intent whose fate this run tells its thread
    elapsed_s: float = 0.0  # since it began, by the database's clock


@dataclass(frozen=True)
class End:
    """How a run ended, and the event that says so."""

    status: Literal["finished", "failed", "cancelled"]
    event: Event
    cost_usd: Decimal
    answer: str | None = None
    error: dict[str, Any] | None = None


class Leases:
    """Runs and the threads they hold."""

    def __init__(self, pool: Pool, *, lease_s: float) -> None:
        """`pool` connects with the controller's role."""
        self._pool = pool
        self._lease_s = lease_s

    async def add(self, run: NewRun, *, may_wait: bool, urgent: bool) -> Literal["running", "queued"] | None:
        """Store the run and take its thread (made if new), or let it wait; None, and nothing stored, if it may not."""
        values = {**vars(run), "lease_s": self._lease_s, "may_wait": may_wait, "urgent": urgent}
        async with self._pool.connection() as connection:
            row = await (await connection.execute(ADD, values)).fetchone()
        return None if row is None else row["status"]

    async def claim(self, thread_id: UUID | None = None) -> NewRun | None:
        """The next waiting run (of this thread) whose thread is free; this process holds it now."""
        async with self._pool.connection() as connection:
            return await self.claim_in(connection, thread_id)

    async def claim_in(self, connection: AsyncDictConnection, thread_id: UUID | None) -> NewRun | None:
        """The same as part of a transaction."""
        async with connection.cursor(row_factory=class_row(NewRun)) as cursor:
            await cursor.execute(CLAIM, {"thread_id": thread_id, "lease_s": self._lease_s})
            return await cursor.fetchone()

    async def take_over(self) -> list[NewRun]:
        """Runs whose process died; this process holds them now."""
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(NewRun)) as cursor:
            await cursor.execute(TAKE_OVER, {"lease_s": self._lease_s})
            return await cursor.fetchall()

    async def keep(self, run: NewRun) -> bool:
        """Renew; False when another process has the run."""
        return await self._set_expiry(run, self._lease_s)

    async def let_go(self, run: NewRun) -> None:
        """Let another process go on with the run at once."""
        await self._set_expiry(run, 0)

    async def end(self, run: NewRun, end: End, *, told: Sequence[StoredEvent]) -> bool:
        """The run's one end, told in the same transaction; False, and no end, when another process has the run."""
        values = {
            "id": run.id,
            "attempts": run.attempts,
            "status": end.status,
            "answer": end.answer,
            "error": None if end.error is None else Jsonb(end.error),
            "cost_usd": end.cost_usd,
            "told": as_rows(told),
        }
        async with self._pool.connection() as connection:
            return await (await connection.execute(END, values)).fetchone() is not None

    async def ask_cancel(self, run_id: UUID, *, on_cancel: OnCancel) -> None:
        """Cancel a run: at once if it waits; otherwise whoever executes it is told, wherever that is."""
        values = {"id": run_id, "on_cancel": on_cancel, "channel": CHANNEL}
        async with self._pool.connection() as connection:
            if await (await connection.execute(DROP_WAITING, values)).fetchone() is None:
                await connection.execute(ASK_CANCEL, values)

    async def cancel_asked(self, run_id: UUID) -> OnCancel | None:
        """Whether, and how, a run is to be cancelled."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(ASKED, {"id": run_id})).fetchone()
        return None if row is None else row["cancel_asked"]

    async def ask_to_make_way(self, run: NewRun, *, on_cancel: OnCancel) -> None:
        """Cancel the older run that holds this one's thread; whoever executes it is told, wherever that is."""
        values = {"id": run.id, "on_cancel": on_cancel, "channel": CHANNEL}
        async with self._pool.connection() as connection:
            await connection.execute(ASK_TO_MAKE_WAY, values)

    async def _set_expiry(self, run: NewRun, lease_s: float) -> bool:
        values = {"id": run.id, "attempts": run.attempts, "lease_s": lease_s}
        async with self._pool.connection() as connection:
            return await (await connection.execute(KEEP, values)).fetchone() is not None
