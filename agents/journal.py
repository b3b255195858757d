"""What a run has done so far, step by step, so that a rerun repeats the same calls with the same keys.

A model's accepted answer is written before the first effect it asks for, a tool's result before the next step.
Why not LangGraph's per-task checkpoints: docs/adr/0003-a-journal-instead-of-checkpoints-per-step.md.
"""

from typing import Any, Protocol

from psycopg.types.json import Jsonb

from agents.leases import NewRun
from pilothouse.db import Pool
from pilothouse.errors import PilothouseError

READ = "SELECT step, result FROM controller.run_steps WHERE run_id = %(run_id)s"
# The row lock holds off whoever wants to take the run over until this is written, so that they read it.
WRITE = """
    INSERT INTO controller.run_steps (run_id, step, result)
    SELECT id, %(step)s, %(result)s
    FROM controller.runs
    WHERE id = %(run_id)s AND attempts = %(attempts)s AND ended_at IS NULL
    FOR SHARE
    ON CONFLICT (run_id, step) DO NOTHING
    RETURNING step"""


class RunLostError(PilothouseError):
    """Another process has taken this run over; this one stops without a word."""


class Journal(Protocol):
    """The steps of one run."""

    def recorded(self, step: str) -> Any:
        """The result this step had; None when it is new."""
        ...

    async def record(self, step: str, result: dict[str, Any]) -> None:
        """Durable when this returns."""
        ...


class RunJournal:
    """One run's journal in PostgreSQL."""

    def __init__(self, pool: Pool, run: NewRun) -> None:
        """Empty until read."""
        self._pool = pool
        self._run = run
        self._recorded: dict[str, Any] = {}

    async def read(self) -> None:
        """Everything that was ever recorded."""
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(READ, {"run_id": self._run.id})).fetchall()
        self._recorded = {row["step"]: row["result"] for row in rows}

    def recorded(self, step: str) -> Any:
        """The result this step had; None when it is new."""
        return self._recorded.get(step)

    async def record(self, step: str, result: dict[str, Any]) -> None:
        """Durable when this returns."""
        async with self._pool.connection() as connection:
            values = {"run_id": self._run.id, "attempts": self._run.attempts, "step": step, "result": Jsonb(result)}
            written = await (await connection.execute(WRITE, values)).fetchone()
        if written is None:
            raise RunLostError(f"run {self._run.id} was taken over by another process")
        self._recorded[step] = result


async def read_journal(pool: Pool, run: NewRun) -> RunJournal:
    """A run's journal; only a run that was begun before can have left something in it."""
    journal = RunJournal(pool, run)
    if run.attempts > 1:
        await journal.read()
    return journal
