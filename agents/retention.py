"""What is deleted by itself, and when. Conversations, runs and what they cost never are: a person deletes threads.

What serves only for looking back at a run that has ended (its events, and its checkpoint unless that is its thread's
last) goes after a number of days; its journal, which serves reruns only, within hours. Each batch is a short
transaction of its own that touches nothing a run under way needs: whoever is killed in between left a smaller batch.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
from psycopg_pool import PoolTimeout

from pilothouse import log
from pilothouse.clock import Clock
from pilothouse.db import AdvisoryLock, AsyncDictConnection, Pool

FIRST_AFTER_S = 60
EVERY_S = 3600
BREATH_S = 0.05
BATCH = 50  # runs
KEEP_JOURNALS = timedelta(hours=1)

TAKE_TURN = "SELECT pg_advisory_xact_lock(%(lock)s)"
NEXT_JOURNALS = """
    SELECT DISTINCT run.id, run.thread_id
    FROM controller.run_steps AS step
    JOIN controller.runs AS run ON run.id = step.run_id
    WHERE run.ended_at < %(before)s
    LIMIT %(batch)s"""
NEXT_RUNS = """
    SELECT id, thread_id
    FROM controller.runs
    WHERE ended_at < %(before)s AND pruned_at IS NULL
    ORDER BY ended_at
    LIMIT %(batch)s"""
JOURNALS = """
    WITH gone AS (
        DELETE FROM controller.run_steps
        WHERE run_id = ANY(%(runs)s)
        RETURNING pg_column_size(result) AS bytes
    )
    SELECT count(*) AS rows, coalesce(sum(bytes), 0)::bigint AS bytes
    FROM gone"""
EVENTS = """
    WITH gone AS (
        DELETE FROM controller.run_events
        WHERE run_id = ANY(%(runs)s)
        RETURNING pg_column_size(data) AS bytes
    )
    SELECT count(*) AS rows, coalesce(sum(bytes), 0)::bigint AS bytes
    FROM gone"""
# A thread's last checkpoint stays however old it is, and one written meanwhile is newer than all that go. Ids ascend.
CHECKPOINTS = """
    WITH gone AS (
        DELETE FROM checkpoints AS old
        WHERE thread_id = ANY(%(threads)s)
          AND (checkpoint ->> 'ts')::timestamptz < %(before)s
          AND EXISTS (
              SELECT FROM checkpoints AS newer
              WHERE newer.thread_id = old.thread_id AND newer.checkpoint_ns = old.checkpoint_ns
                AND newer.checkpoint_id > old.checkpoint_id)
        RETURNING pg_column_size(checkpoint) + pg_column_size(metadata) AS bytes
    )
    SELECT count(*) AS rows, coalesce(sum(bytes), 0)::bigint AS bytes
    FROM gone"""
WRITES = """
    WITH gone AS (
        DELETE FROM checkpoint_writes AS written
        WHERE thread_id = ANY(%(threads)s)
          AND checkpoint_id < (
              SELECT min(kept.checkpoint_id)
              FROM checkpoints AS kept
              WHERE kept.thread_id = written.thread_id AND kept.checkpoint_ns = written.checkpoint_ns)
        RETURNING pg_column_size(blob) AS bytes
    )
    SELECT count(*) AS rows, coalesce(sum(bytes), 0)::bigint AS bytes
    FROM gone"""
MARK = "UPDATE controller.runs SET pruned_at = now() WHERE id = ANY(%(runs)s)"

Counts = dict[str, "Pruned"]

logger = log.get_logger()


@dataclass(frozen=True)
class Pruned:
    """How much of one kind was deleted; bytes as stored, without indexes."""

    rows: int = 0
    bytes: int = 0

    def __add__(self, other: "Pruned") -> "Pruned":
        return Pruned(self.rows + other.rows, self.bytes + other.bytes)


class Retention:
    """Deletes what has served."""

    def __init__(self, pool: Pool, *, keep_events_days: int, clock: Clock) -> None:
        """`pool` connects with the controller's role."""
        self._pool = pool
        self._keep_events = timedelta(days=keep_events_days)
        self._clock = clock

    async def keep_pruning(self) -> None:
        """For as long as the process lives."""
        await asyncio.sleep(FIRST_AFTER_S)
        while True:
            try:
                logger.info("data.pruned", **{kind: vars(pruned) for kind, pruned in (await self.prune()).items()})
            except (psycopg.Error, PoolTimeout) as error:  # what is left is deleted the next time
                logger.warning("data.not_pruned", reason=str(error))
            await asyncio.sleep(EVERY_S)

    async def prune(self) -> Counts:
        """All that is due, batch by batch."""
        total: Counts = {}
        while True:
            async with self._pool.connection() as connection, connection.transaction():
                batch = await self._prune_batch(connection)
            if not batch:
                break
            total = _sum(total, batch)
            await asyncio.sleep(BREATH_S)
        return total

    async def rehearse(self) -> Counts:
        """What `prune` would delete: it is deleted in one transaction that is then taken back."""
        total: Counts = {}
        async with self._pool.connection() as connection, connection.transaction(force_rollback=True):
            while batch := await self._prune_batch(connection):
                total = _sum(total, batch)
        return total

    async def _prune_batch(self, connection: AsyncDictConnection) -> Counts:
        """Empty when nothing is due."""
        await connection.execute(TAKE_TURN, {"lock": AdvisoryLock.RETENTION})
        journals = await self._due(connection, NEXT_JOURNALS, KEEP_JOURNALS)
        runs = await self._due(connection, NEXT_RUNS, self._keep_events)
        counts: Counts = {}
        if journals["runs"]:
            counts["journals"] = await _delete(connection, JOURNALS, journals)
        if runs["runs"]:
            counts["events"] = await _delete(connection, EVENTS, runs)
            counts["checkpoints"] = await _delete(connection, CHECKPOINTS, runs)
            counts["checkpoint writes"] = await _delete(connection, WRITES, runs)
            await connection.execute(MARK, runs)
        return counts

    async def _due(self, connection: AsyncDictConnection, statement: Any, keep: timedelta) -> dict[str, Any]:
        before = self._clock() - keep
        rows = await (await connection.execute(statement, {"before": before, "batch": BATCH})).fetchall()
        threads = {str(row["thread_id"]) for row in rows}
        return {"before": before, "runs": [row["id"] for row in rows], "threads": list(threads)}


async def _delete(connection: AsyncDictConnection, statement: Any, values: dict[str, Any]) -> Pruned:
    row = await (await connection.execute(statement, values)).fetchone()
    return Pruned() if row is None else Pruned(rows=row["rows"], bytes=row["bytes"])


def _sum(total: Counts, batch: Counts) -> Counts:
    return total | {kind: total.get(kind, Pruned()) + pruned for kind, pruned in batch.items()}
