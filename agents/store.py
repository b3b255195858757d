"""Threads, runs and leases in PostgreSQL. A run is stored before it starts; one run at a time holds a thread."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from pilothouse.db import Pool
from pilothouse.errors import NotFoundError

GET_THREAD = """
    SELECT id, tainted, created_at
    FROM controller.threads
    WHERE id = %(id)s AND user_id = %(user_id)s"""
TAINT_THREAD = "UPDATE controller.threads SET tainted = true WHERE id = %(id)s"
# One statement, so one round trip and one transaction: without the lease nothing is stored.
ADD_RUN = """
    WITH thread AS (
        INSERT INTO controller.threads (id, user_id)
        VALUES (%(thread_id)s, %(user_id)s)
        ON CONFLICT (id) DO NOTHING
    ), lease AS (
        INSERT INTO controller.thread_leases (thread_id, run_id, expires_at)
        VALUES (%(thread_id)s, %(id)s, now() + %(lease_s)s * interval '1 second')
        ON CONFLICT (thread_id) DO NOTHING
        RETURNING run_id
    )
    INSERT INTO controller.runs
        (id, thread_id, user_id, caller, idempotency_key, message, model, status, started_at)
    SELECT run_id, %(thread_id)s, %(user_id)s, %(caller)s, %(idempotency_key)s, %(message)s, %(model)s,
           'running', now()
    FROM lease
    RETURNING id"""
FIND_RUN = """
    SELECT id, thread_id, message, model, status, answer, error, cost_usd, created_at, ended_at
    FROM controller.runs
    WHERE user_id = %(user_id)s AND idempotency_key = %(idempotency_key)s"""
LIST_RUNS = """
    SELECT id, thread_id, message, model, status, answer, error, cost_usd, created_at, ended_at
    FROM controller.runs
    WHERE thread_id = %(thread_id)s
    ORDER BY created_at"""
# `attempts` fences: a process that lost its run to another one can neither renew nor end it.
KEEP_LEASE = """
    UPDATE controller.thread_leases AS lease
    SET expires_at = now() + %(lease_s)s * interval '1 second'
    FROM controller.runs AS run
    WHERE lease.run_id = %(id)s AND run.id = lease.run_id AND run.attempts = %(attempts)s
    RETURNING run.id"""
END_RUN = """
    WITH ended AS (
        UPDATE controller.runs
        SET status = %(status)s, answer = %(answer)s, error = %(error)s, cost_usd = %(cost_usd)s, ended_at = now()
        WHERE id = %(id)s AND attempts = %(attempts)s AND ended_at IS NULL
        RETURNING id
    )
    DELETE FROM controller.thread_leases
    USING ended
    WHERE run_id = ended.id"""
# A lease that ran out belongs to a run whose process died. Whoever renews it first goes on with the run.
TAKE_OVER = """
    WITH taken AS (
        UPDATE controller.thread_leases
        SET expires_at = now() + %(lease_s)s * interval '1 second'
        WHERE expires_at < now()
        RETURNING run_id
    )
    UPDATE controller.runs AS run
    SET attempts = attempts + 1
    FROM taken
    WHERE run.id = taken.run_id
    RETURNING run.id, run.thread_id, run.user_id, run.caller, run.idempotency_key, run.message, run.model,
              run.attempts"""


@dataclass(frozen=True)
class Thread:
    """One conversation of one user."""

    id: UUID
    tainted: bool
    created_at: datetime


@dataclass(frozen=True)
class Run:
    """One run as stored."""

    id: UUID
    thread_id: UUID
    message: str
    model: str
    status: str
    answer: str | None
    error: dict[str, Any] | None
    cost_usd: Decimal
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class NewRun:
    """What is stored before anything happens."""

    id: UUID
    thread_id: UUID
    user_id: str
    caller: str
    idempotency_key: str | None
    message: str
    model: str
    attempts: int = 1


class Store:
    """The controller's own tables."""

    def __init__(self, pool: Pool) -> None:
        """`pool` connects with the controller's role."""
        self._pool = pool

    async def get_thread(self, thread_id: UUID, *, user_id: str) -> Thread:
        """A user's thread; other people's do not exist."""
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Thread)) as cursor:
            await cursor.execute(GET_THREAD, {"id": thread_id, "user_id": user_id})
            thread = await cursor.fetchone()
        if thread is None:
            raise NotFoundError(f"there is no thread {thread_id}", hint="leave thread_id out to start a new one")
        return thread

    async def taint_thread(self, thread_id: str) -> None:
        """Mark a thread for good as holding text that others wrote."""
        await self._execute(TAINT_THREAD, {"id": thread_id})

    async def find_run(self, *, user_id: str, idempotency_key: str) -> Run | None:
        """The run an earlier request with this key started."""
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Run)) as cursor:
            await cursor.execute(FIND_RUN, {"user_id": user_id, "idempotency_key": idempotency_key})
            return await cursor.fetchone()

    async def list_runs(self, thread_id: UUID) -> list[Run]:
        """A thread's runs, oldest first."""
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Run)) as cursor:
            await cursor.execute(LIST_RUNS, {"thread_id": thread_id})
            return await cursor.fetchall()

    async def add_run(self, run: NewRun, *, lease_s: float) -> bool:
        """Store the run and take its thread (made if new); False, and nothing stored, when another run holds it."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(ADD_RUN, {**vars(run), "lease_s": lease_s})
            return await cursor.fetchone() is not None

    async def keep_lease(self, run: NewRun, *, lease_s: float) -> bool:
        """Renew (or, with 0 s, let go); False when another process has taken the run over."""
        values = {"id": run.id, "attempts": run.attempts, "lease_s": lease_s}
        async with self._pool.connection() as connection:
            return await (await connection.execute(KEEP_LEASE, values)).fetchone() is not None

    async def end_run(
        self, run: NewRun, *, status: str, cost_usd: Decimal, answer: str | None = None, error: Any = None
    ) -> bool:
        """The run's one end, and its thread is free again. False, and no end, when another process has the run."""
        stored = None if error is None else Jsonb(error)
        values = {"id": run.id, "attempts": run.attempts, "status": status, "answer": answer, "cost_usd": cost_usd}
        async with self._pool.connection() as connection:
            return (await connection.execute(END_RUN, {**values, "error": stored})).rowcount == 1

    async def take_over(self, *, lease_s: float) -> list[NewRun]:
        """Runs whose process died; this process holds their threads now."""
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(NewRun)) as cursor:
            await cursor.execute(TAKE_OVER, {"lease_s": lease_s})
            return await cursor.fetchall()

    async def _execute(self, statement: Any, values: dict[str, Any]) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(statement, values)
