"""LangGraph's checkpoints in PostgreSQL, written by the controller's role in its own schema.

One saver object a run over a shared pool: the stock saver holds one lock a saver, so a shared one would queue all
threads of the process behind one another (langgraph#7259).
"""

from uuid import UUID

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

from agents.serializer import StrictSerializer
from pilothouse.db import Pool

FORGET_WRITES = """
    DELETE FROM checkpoint_writes AS written
    USING checkpoints AS checkpoint
    WHERE written.thread_id = checkpoint.thread_id
      AND written.checkpoint_id = checkpoint.checkpoint_id
      AND checkpoint.thread_id = %(thread_id)s
      AND checkpoint.metadata ->> 'run_id' = %(run_id)s"""
FORGET_CHECKPOINTS = """
    DELETE FROM checkpoints
    WHERE thread_id = %(thread_id)s AND metadata ->> 'run_id' = %(run_id)s"""
SETUP_LOCK = 7_208_701  # any fixed number: two controllers take turns


def make_saver(pool: Pool) -> AsyncPostgresSaver:
    """A saver for one run."""
    return AsyncPostgresSaver(pool, serde=StrictSerializer())


async def set_up(url: str) -> None:
    """Create or update LangGraph's own tables."""
    async with await AsyncConnection[DictRow].connect(
        url, autocommit=True, prepare_threshold=0, row_factory=dict_row
    ) as held:
        await held.execute("SELECT pg_advisory_lock(%s)", (SETUP_LOCK,))
        await AsyncPostgresSaver(held).setup()


async def forget_run(pool: Pool, *, thread_id: UUID, run_id: UUID) -> None:
    """Take back what a run wrote into its thread."""
    async with pool.connection() as connection, connection.transaction():
        values = {"thread_id": str(thread_id), "run_id": str(run_id)}
        await connection.execute(FORGET_WRITES, values)
        await connection.execute(FORGET_CHECKPOINTS, values)
