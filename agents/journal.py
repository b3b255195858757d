"""What a run has done so far, step by step, so that a rerun repeats the same calls with the same keys.

A model's accepted answer is written before the first effect it asks for, a tool's result before the next step.
Why not LangGraph's per-task checkpoints: docs/adr/0003-a-journal-instead-of-checkpoints-per-step.md.
"""

from typing import Any, Protocol
from uuid import UUID

from psycopg.types.json import Jsonb

from pilothouse.db import Pool
from pilothouse.errors import PilothouseError

READ = "SELECT step, result FROM controller.run_steps WHERE run_id = %(run_id)s"
WRITE = """
    INSERT INTO controller.run_steps (run_id, step, result)
    VALUES (%(run_id)s, %(step)s, %(result)s)
    ON CONFLICT (run_id, step) DO NOTHING
    RETURNING step"""


class RunLostError(PilothouseError):
    """Another process has taken this run over; this one stops without a word."""


class Journal(Protocol):
    """The steps of one run."""

    def recorded(self, step: str) -> Any:
        """The result an earlier attempt recorded; None when this step is new."""
        ...

    async def record(self, step: str, result: dict[str, Any]) -> None:
        """Durable when this returns."""
        ...


class RunJournal:
    """One run's journal in PostgreSQL."""

    def __init__(self, pool: Pool, run_id: UUID, recorded: dict[str, Any]) -> None:
        """`recorded`: what earlier attempts left; empty for a new run."""
        self._pool = pool
        self._run_id = run_id
        self._recorded = recorded

    def recorded(self, step: str) -> Any:
        """The result an earlier attempt recorded; None when this step is new."""
        return self._recorded.get(step)

    async def record(self, step: str, result: dict[str, Any]) -> None:
        """Durable when this returns."""
        async with self._pool.connection() as connection:
            values = {"run_id": self._run_id, "step": step, "result": Jsonb(result)}
            written = await (await connection.execute(WRITE, values)).fetchone()
        if written is None:
            raise RunLostError(f"step {step} of run {self._run_id} was recorded by another process")


async def read_journal(pool: Pool, run_id: UUID, *, again: bool) -> RunJournal:
    """A run's journal; `again`: an earlier attempt may have left something in it."""
    if not again:
        return RunJournal(pool, run_id, {})
    async with pool.connection() as connection:
        rows = await (await connection.execute(READ, {"run_id": run_id})).fetchall()
    return RunJournal(pool, run_id, {row["step"]: row["result"] for row in rows})
