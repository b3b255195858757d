"""The queue of turns, in PostgreSQL. A turn stays locked while it is worked on, so a crash gives it back at once."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb
from psycopg_pool import PoolTimeout

from memory.records import Message, Turn
from pilothouse import log
from pilothouse.db import Pool
from pilothouse.errors import UnavailableError

PATIENCE_S = 5.0

PUT = """
    INSERT INTO memory.turns (scope, key, run_id, thread_id, messages, recalled)
    VALUES (%(scope)s, %(key)s, %(run_id)s, %(thread_id)s, %(messages)s, %(recalled)s)
    ON CONFLICT (scope, key) DO NOTHING"""
CLAIM = """
    SELECT id, scope, run_id, thread_id, messages, recalled, queued_at, attempts
    FROM memory.turns
    WHERE done_at IS NULL AND parked_at IS NULL AND not_before <= now()
    ORDER BY queued_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED"""
FINISH = """
    UPDATE memory.turns
    SET done_at = now(), messages = '[]', error = NULL, attempts = attempts + 1
    WHERE id = %(id)s"""
POSTPONE = """
    UPDATE memory.turns
    SET attempts = attempts + 1, not_before = now() + %(delay)s, error = %(error)s
    WHERE id = %(id)s"""
PARK = """
    UPDATE memory.turns
    SET attempts = attempts + 1, parked_at = now(), error = %(error)s
    WHERE id = %(id)s"""
FORGET_ALL = """
    WITH forgotten AS (DELETE FROM memory.gate_counts WHERE scope = %(scope)s)
    UPDATE memory.turns
    SET done_at = coalesce(done_at, now()), messages = '[]', recalled = '{}',
        run_id = NULL, thread_id = NULL, error = NULL
    WHERE scope = %(scope)s"""
FORGET_SAID = """
    UPDATE memory.turns
    SET done_at = now(), messages = '[]', recalled = '{}', error = NULL
    WHERE scope = %(scope)s
        AND done_at IS NULL
        AND (id::text = ANY(%(origins)s) OR run_id::text = ANY(%(origins)s))"""
LENGTH = """
    SELECT count(*) FILTER (WHERE parked_at IS NULL) AS waiting,
        count(parked_at) AS parked,
        min(queued_at) AS oldest_at,
        (array_agg(error ORDER BY not_before DESC) FILTER (WHERE error IS NOT NULL))[1] AS last_error
    FROM memory.turns
    WHERE done_at IS NULL"""


@dataclass(frozen=True)
class QueuedTurn:
    """What is kept of a turn until it is worked off. `key` is the digest under which it is taken once."""

    scope: str
    key: str
    run_id: UUID | None
    thread_id: UUID | None
    messages: Sequence[Message]
    recalled: Sequence[str]


@dataclass(frozen=True)
class QueueLength:
    """`parked`: refused by the model for good, for a person to look at."""

    waiting: int
    parked: int
    oldest_at: datetime | None
    last_error: str | None


@dataclass(frozen=True)
class Claim:
    """A turn nobody else works on until the block that gave it ends."""

    turn: Turn
    connection: AsyncConnection[DictRow]

    async def finish(self) -> None:
        """Its words are dropped; its key stays, so that it is never taken twice."""
        await self.connection.execute(FINISH, {"id": self.turn.id})

    async def postpone(self, delay: timedelta, *, error: str) -> None:
        """Try again later."""
        await self.connection.execute(POSTPONE, {"id": self.turn.id, "delay": delay, "error": error})

    async def park(self, *, error: str) -> None:
        """Do not try again."""
        await self.connection.execute(PARK, {"id": self.turn.id, "error": error})


class Queue:
    """Turns wait here until the model can be reached."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def put(self, turn: QueuedTurn) -> None:
        """Durable when it returns; the same key again changes nothing."""
        row = asdict(turn) | {"messages": Jsonb([each.model_dump() for each in turn.messages])}
        await self._execute_or_say(PUT, row)

    async def forget_all(self, scope: str) -> None:
        """Nothing of this user waits or is counted any more; the keys stay: no turn is taken a second time."""
        await self._execute_or_say(FORGET_ALL, {"scope": scope})

    async def forget_said(self, scope: str, origins: Sequence[str]) -> None:
        """The same for the waiting turns of these runs, or with these ids."""
        await self._execute_or_say(FORGET_SAID, {"scope": scope, "origins": list(origins)})

    async def length(self) -> QueueLength | None:
        """None while PostgreSQL cannot be reached."""
        try:
            rows = await self._execute(LENGTH, {}, patience_s=0.5)
        except psycopg.OperationalError:
            return None
        return QueueLength(**rows[0])

    @asynccontextmanager
    async def claim(self) -> AsyncGenerator[Claim | None]:
        """The oldest turn that is due; unlocked again, changed or not, when the block ends."""
        async with self._pool.connection(PATIENCE_S) as connection, connection.transaction():
            row = await (await connection.execute(CLAIM)).fetchone()
            yield Claim(_turn(row), connection) if row else None

    async def _execute_or_say(self, statement: LiteralString, parameters: dict[str, Any]) -> None:
        try:
            await self._execute(statement, parameters)
        except psycopg.OperationalError as error:
            hint = "is PostgreSQL up? bin/pilothouse status; then send it again"
            raise UnavailableError("the queue of turns cannot be reached", hint=hint) from error

    async def _execute(
        self, statement: LiteralString, parameters: dict[str, Any], *, patience_s: float = PATIENCE_S
    ) -> list[DictRow]:
        """After a restart of PostgreSQL each connection of the pool fails once; repeating a statement here is safe."""
        for _ in range(self._pool.max_size):
            try:
                return await self._once(statement, parameters, patience_s)
            except PoolTimeout:
                raise
            except psycopg.OperationalError:
                log.get_logger().info("connection.replaced")
        return await self._once(statement, parameters, patience_s)

    async def _once(self, statement: LiteralString, parameters: dict[str, Any], patience_s: float) -> list[DictRow]:
        async with self._pool.connection(patience_s) as connection:
            cursor = await connection.execute(statement, parameters)
            return await cursor.fetchall() if cursor.description else []


def _turn(row: DictRow) -> Turn:
    messages = [Message(**each) for each in row.pop("messages")]
    return Turn(messages=messages, **row)
