"""What was said in a thread, run by run, for good. Checkpoints only name the runs whose messages they hold.

So a turn costs the same however long its thread is: docs/adr/0004-messages-beside-the-checkpoints.md.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from langchain_core.messages import AnyMessage

from agents.encryption import Vault
from agents.leases import NewRun
from agents.serializer import StrictSerializer, UnreadableStateError
from pilothouse.db import Pool

FORGET = "DELETE FROM controller.run_messages WHERE run_id = %(run_id)s"
READ_RUNS = """
    SELECT run_id, messages
    FROM controller.run_messages
    WHERE run_id = ANY(%(run_ids)s)"""
READ_THREAD = """
    SELECT kept.run_id, kept.messages
    FROM controller.run_messages AS kept
    JOIN controller.runs AS run ON run.id = kept.run_id
    WHERE run.thread_id = %(thread_id)s
    ORDER BY kept.place"""

serializer = StrictSerializer()


def runs_of(messages: Sequence[AnyMessage]) -> list[str]:
    """The runs these messages come from, in order: a message's id begins with that of its run."""
    return list(dict.fromkeys((message.id or "").partition(":")[0] for message in messages))


class Transcript:
    """The table `controller.run_messages`."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        """`pool` connects with the controller's role."""
        self._pool = pool
        self._vault = vault

    def seal(self, run: NewRun, messages: Sequence[AnyMessage]) -> bytes:
        """What was said in a run, as it is to be stored."""
        own = [message for message in messages if (message.id or "").startswith(str(run.id))]
        return self._vault.seal(serializer.dumps_typed(own)[1], *_place(run.thread_id, run.id))

    async def read_runs(self, thread_id: UUID, run_ids: Sequence[str]) -> list[AnyMessage]:
        """The messages of these runs of a thread, in the order of the ids."""
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(READ_RUNS, {"run_ids": list(run_ids)})).fetchall()
        kept = {str(row["run_id"]): row for row in rows}
        if missing := set(run_ids) - kept.keys():
            raise UnreadableStateError(f"the messages of {len(missing)} runs are gone")
        return [message for run_id in run_ids for message in self._read(thread_id, kept[run_id])]

    async def read_thread(self, thread_id: UUID) -> list[AnyMessage]:
        """Everything that was said in a thread."""
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(READ_THREAD, {"thread_id": thread_id})).fetchall()
        return [message for row in rows for message in self._read(thread_id, row)]

    def _read(self, thread_id: UUID, row: dict[str, Any]) -> list[AnyMessage]:
        plain = self._vault.unseal(row["messages"], *_place(thread_id, row["run_id"]))
        return serializer.loads_typed(("msgpack", plain))


def _place(thread_id: UUID, run_id: UUID) -> tuple[str, ...]:
    return "run_messages", str(thread_id), str(run_id)
