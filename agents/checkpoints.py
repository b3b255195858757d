"""LangGraph's checkpoints in PostgreSQL, written by the controller's role in its own schema.

One saver object a run over a shared pool: the stock saver holds one lock a saver, so a shared one would queue all
threads of the process behind one another (langgraph#7259). All of a state is one value of the checkpoint's row, and in
place of messages it names their runs (see `agents/transcript.py`).
"""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb

from agents.encryption import Vault
from agents.journal import RunLostError
from agents.leases import NewRun
from agents.serializer import HINT, StrictSerializer, UnreadableStateError
from agents.transcript import FORGET, Transcript, runs_of
from pilothouse.db import AdvisoryLock, AsyncDictConnection, Pool

# The row lock holds off whoever wants to take the run over until this has ended: nobody writes into a thread for a run
# that another process has.
KEEP = """
    WITH held AS (
        SELECT id
        FROM controller.runs
        WHERE id = %(run_id)s AND attempts = %(attempts)s AND ended_at IS NULL
        FOR SHARE
    ), kept AS (
        INSERT INTO controller.run_messages (run_id, messages)
        SELECT id, %(messages)s
        FROM held
        ON CONFLICT (run_id) DO UPDATE SET messages = excluded.messages
    )
    INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata)
    SELECT %(thread_id)s, %(checkpoint_ns)s, %(checkpoint_id)s, %(parent_id)s, %(checkpoint)s, %(metadata)s
    FROM held
    ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id)
        DO UPDATE SET checkpoint = excluded.checkpoint, metadata = excluded.metadata
    RETURNING checkpoint_id"""
# The server ends this if the process is frozen in the middle.
HOLD_BRIEFLY = "SET LOCAL idle_in_transaction_session_timeout = '5s'"
HOLD_RUN = """
    SELECT id
    FROM controller.runs
    WHERE id = %(run_id)s AND attempts = %(attempts)s AND ended_at IS NULL
    FOR SHARE"""
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
PACKED = "state"  # the one channel value a stored checkpoint has


class RunSaver(AsyncPostgresSaver):
    """The checkpoints of one run's thread, as this run reads and writes them."""

    def __init__(self, pool: Pool, run: NewRun, vault: Vault, *, on_saved: Callable[[str], None]) -> None:
        """Made for each run anew. `on_saved` hears the id of each checkpoint that is stored."""
        super().__init__(pool, serde=StrictSerializer())
        self._pool = pool
        self._run = run
        self._vault = vault
        self._on_saved = on_saved
        self._transcript = Transcript(pool, vault)
        self._storing = asyncio.Lock()
        self._is_closed = False

    async def close(self) -> None:
        """Nothing is stored after this."""
        self._is_closed = True
        async with self._storing:
            pass

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,  # noqa: ARG002 -- of values kept apart, which we have none of
    ) -> RunnableConfig:
        """The run's messages, and the checkpoint that names them; nothing when another process has the run."""
        values = checkpoint["channel_values"]
        messages = values.get("messages", [])
        packed = self._pack({**values, "messages": runs_of(messages)}, "checkpoint", checkpoint["id"])
        place = config.get("configurable", {})
        row = {
            "run_id": self._run.id,
            "attempts": self._run.attempts,
            "messages": self._transcript.seal(self._run, messages),
            "thread_id": place["thread_id"],
            "checkpoint_ns": place["checkpoint_ns"],
            "checkpoint_id": checkpoint["id"],
            "parent_id": place.get("checkpoint_id"),
            "checkpoint": Jsonb({**checkpoint, "channel_values": {PACKED: packed}}),
            "metadata": Jsonb(get_serializable_checkpoint_metadata(config, metadata)),
        }
        async with self._storing, self._connection() as connection:
            if await (await connection.execute(KEEP, row)).fetchone() is None:
                raise RunLostError(f"run {self._run.id} was taken over by another process")
        self._on_saved(checkpoint["id"])
        return {"configurable": {name: row[name] for name in ("thread_id", "checkpoint_ns", "checkpoint_id")}}

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """What a task wrote before its step ended."""
        checkpoint_id = str(get_checkpoint_id(config))
        packed = [(channel, self._pack(value, "write", checkpoint_id, task_id, channel)) for channel, value in writes]
        await super().aput_writes(config, packed, task_id, task_path)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """A checkpoint with its state as it was."""
        found = await super().aget_tuple(config)
        if found is None:
            return None
        checkpoint_id = found.checkpoint["id"]
        values = self._unpack(found.checkpoint["channel_values"].get(PACKED), "checkpoint", checkpoint_id)
        values["messages"] = await self._transcript.read_runs(self._run.thread_id, values["messages"])
        writes = [
            (task, channel, self._unpack(value, "write", checkpoint_id, task, channel))
            for task, channel, value in found.pending_writes or []
        ]
        return found._replace(checkpoint={**found.checkpoint, "channel_values": values}, pending_writes=writes)

    def _connection(self) -> AbstractAsyncContextManager[AsyncDictConnection]:
        if self._is_closed:
            raise RunLostError(f"run {self._run.id} has come to another end")
        return self._pool.connection()

    def _pack(self, value: Any, *place: str) -> str:
        sealed = self._vault.seal(self.serde.dumps_typed([value])[1], str(self._run.thread_id), *place)
        return b64encode(sealed).decode()

    def _unpack(self, packed: Any, *place: str) -> Any:
        if not isinstance(packed, str):
            raise UnreadableStateError("a checkpoint has no state of ours", hint=HINT)
        plain = self._vault.unseal(b64decode(packed), str(self._run.thread_id), *place)
        return self.serde.loads_typed(("msgpack", plain))[0]


async def set_up(url: str) -> None:
    """Create or update LangGraph's own tables."""
    async with await AsyncConnection[DictRow].connect(
        url, autocommit=True, prepare_threshold=0, row_factory=dict_row
    ) as held:
        await held.execute("SELECT pg_advisory_lock(%s)", (AdvisoryLock.CHECKPOINT_TABLES,))
        await AsyncPostgresSaver(held).setup()


async def forget_run(pool: Pool, run: NewRun) -> None:
    """Take back what a run wrote into its thread; `RunLostError` when another process has the run."""
    values = {"thread_id": str(run.thread_id), "run_id": str(run.id), "attempts": run.attempts}
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(HOLD_BRIEFLY)
        if await (await connection.execute(HOLD_RUN, values)).fetchone() is None:
            raise RunLostError(f"run {run.id} was taken over by another process")
        for statement in (FORGET_WRITES, FORGET_CHECKPOINTS, FORGET):
            await connection.execute(statement, values)
