"""How a run ended, for programs that were not there: what a hook answers and what is brought to where it asked."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from pilothouse.db import Pool

READ = """
    SELECT run.id AS run_id, run.thread_id, run.status, run.answer, run.error, run.cost_usd, run.ended_at,
           coalesce((
               SELECT json_agg(json_build_object(
                          'name', event.data ->> 'name', 'status', event.data ->> 'status',
                          'result', event.data -> 'result') ORDER BY event.number)
               FROM controller.run_events AS event
               WHERE event.run_id = run.id AND event.type = 'tool.finished'), '[]') AS tool_calls,
           coalesce((
               SELECT json_agg(awaited.intent_id ORDER BY awaited.noted_at)
               FROM controller.awaited AS awaited
               WHERE awaited.run_id = run.id), '[]') AS pending_approvals
    FROM controller.runs AS run
    WHERE run.id = %(run_id)s"""


@dataclass(frozen=True)
class Outcome:
    """A run, ended or not. `pending_approvals`: intents that wait for a person; only a person's signature decides."""

    run_id: UUID
    thread_id: UUID
    status: str
    answer: str | None
    error: dict[str, Any] | None
    cost_usd: Decimal
    ended_at: datetime | None
    tool_calls: list[dict[str, Any]]
    pending_approvals: list[UUID]


async def read_outcome(pool: Pool, run_id: UUID) -> Outcome | None:
    """As stored now; None when the run was deleted with its thread."""
    async with pool.connection() as connection, connection.cursor(row_factory=class_row(Outcome)) as cursor:
        await cursor.execute(READ, {"run_id": run_id})
        return await cursor.fetchone()
