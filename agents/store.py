"""Threads and runs as people look at them; who runs what is in `leases.py`."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString, TypeVar
from uuid import UUID

from psycopg.rows import class_row

from pilothouse.db import Pool
from pilothouse.errors import NotFoundError

Row = TypeVar("Row")

GET_THREAD = """
    SELECT id, tainted, created_at
    FROM controller.threads
    WHERE id = %(id)s AND user_id = %(user_id)s"""
TAINT_THREAD = "UPDATE controller.threads SET tainted = true WHERE id = %(id)s"
LIST_THREADS = """
    SELECT id, tainted, created_at
    FROM controller.threads
    WHERE user_id = %(user_id)s
    ORDER BY created_at DESC
    LIMIT %(limit)s"""
FIND_RUN = """
    SELECT id, thread_id, message, model, status, answer, error, cost_usd, created_at, ended_at, pruned_at, tells_of
    FROM controller.runs
    WHERE user_id = %(user_id)s AND idempotency_key = %(idempotency_key)s"""
GET_RUN = """
    SELECT id, thread_id, message, model, status, answer, error, cost_usd, created_at, ended_at, pruned_at, tells_of
    FROM controller.runs
    WHERE user_id = %(user_id)s AND id = %(id)s"""
LIST_RUNS = """
    SELECT id, thread_id, message, model, status, answer, error, cost_usd, created_at, ended_at, pruned_at, tells_of
    FROM controller.runs
    WHERE thread_id = %(thread_id)s
    ORDER BY place"""
LIST_USER_RUNS = """
    SELECT id, thread_id, message, model, status, answer, error, cost_usd, created_at, ended_at, pruned_at, tells_of
    FROM controller.runs
    WHERE user_id = %(user_id)s
    ORDER BY place DESC
    LIMIT %(limit)s"""
# A run that is made again after a crash proposes the same intent, and notes it again.
NOTE_AWAITED = """
    INSERT INTO controller.awaited (intent_id, run_id)
    VALUES (%(intent_id)s, %(run_id)s)
    ON CONFLICT (intent_id) DO NOTHING"""
# Steps and events go with their runs. The ledger stays: money spent is not forgotten.
DELETE_THREAD = (
    """
    DELETE FROM controller.runs
    WHERE thread_id = %(id)s""",
    "DELETE FROM checkpoint_writes WHERE thread_id = %(id)s::text",
    "DELETE FROM checkpoint_blobs WHERE thread_id = %(id)s::text",
    "DELETE FROM checkpoints WHERE thread_id = %(id)s::text",
    "DELETE FROM controller.threads WHERE id = %(id)s",
)
LOCK_THREAD = "SELECT id FROM controller.threads WHERE id = %(id)s FOR UPDATE"  # no run can be added meanwhile
FIND_UNENDED = """
    SELECT id
    FROM controller.runs
    WHERE thread_id = %(id)s AND ended_at IS NULL
    LIMIT 1"""


def no_thread(thread_id: UUID) -> NotFoundError:
    """It never was, it is another person's, or it was deleted."""
    return NotFoundError(f"there is no thread {thread_id}", hint="leave thread_id out to start a new one")


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
    pruned_at: datetime | None  # since then its events are gone
    tells_of: UUID | None  # the intent whose fate it tells


class Store:
    """The controller's own tables."""

    def __init__(self, pool: Pool) -> None:
        """`pool` connects with the controller's role."""
        self._pool = pool

    async def get_thread(self, thread_id: UUID, *, user_id: str) -> Thread:
        """A user's thread; other people's do not exist."""
        found = await self._rows(Thread, GET_THREAD, {"id": thread_id, "user_id": user_id})
        if not found:
            raise no_thread(thread_id)
        return found[0]

    async def taint_thread(self, thread_id: str) -> None:
        """Mark a thread for good as holding text that others wrote."""
        async with self._pool.connection() as connection:
            await connection.execute(TAINT_THREAD, {"id": thread_id})

    async def note_awaited(self, intent_id: str, *, run_id: UUID) -> None:
        """The thread of this run is to be told what becomes of the intent."""
        async with self._pool.connection() as connection:
            await connection.execute(NOTE_AWAITED, {"intent_id": intent_id, "run_id": run_id})

    async def find_run(self, *, user_id: str, idempotency_key: str) -> Run | None:
        """The run an earlier request with this key started."""
        found = await self._rows(Run, FIND_RUN, {"user_id": user_id, "idempotency_key": idempotency_key})
        return found[0] if found else None

    async def get_run(self, run_id: UUID, *, user_id: str) -> Run:
        """A user's run; other people's do not exist."""
        found = await self._rows(Run, GET_RUN, {"id": run_id, "user_id": user_id})
        if not found:
            raise NotFoundError(f"there is no run {run_id}", hint="GET /api/runs lists yours")
        return found[0]

    async def list_runs(self, thread_id: UUID) -> list[Run]:
        """A thread's runs, oldest first."""
        return await self._rows(Run, LIST_RUNS, {"thread_id": thread_id})

    async def list_user_runs(self, *, user_id: str, limit: int) -> list[Run]:
        """A user's runs, newest first."""
        return await self._rows(Run, LIST_USER_RUNS, {"user_id": user_id, "limit": limit})

    async def list_threads(self, *, user_id: str, limit: int) -> list[Thread]:
        """A user's threads, newest first."""
        return await self._rows(Thread, LIST_THREADS, {"user_id": user_id, "limit": limit})

    async def delete_thread(self, thread_id: UUID) -> bool:
        """Everything of it, in one transaction; False, and nothing gone, while one of its runs has not ended."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(LOCK_THREAD, {"id": thread_id})
            if await (await connection.execute(FIND_UNENDED, {"id": thread_id})).fetchone() is not None:
                return False
            for statement in DELETE_THREAD:
                await connection.execute(statement, {"id": thread_id})
            return True

    async def _rows(self, kind: type[Row], statement: LiteralString, values: dict[str, Any]) -> list[Row]:
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(kind)) as cursor:
            await cursor.execute(statement, values)
            return await cursor.fetchall()
