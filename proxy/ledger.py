"""The ledger: what a call may cost is reserved before it is made, and settled after it, so no call is ever unrecorded.

`settled`: the cost is known. `failed`: the provider refused or was never reached, so there is none. `refused`: a cap
had no room, nothing was sent. `open` with an error: the call was cut off and may have been billed; its reservation
stays until the provider's own record settles it.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any

import orjson
import psycopg
from psycopg_pool import PoolTimeout

from pilothouse import log
from pilothouse.db import Pool
from pilothouse.errors import UnavailableError
from proxy.batches import Batches
from proxy.budgets import require_room
from proxy.calls import Entry, ModelCall

STOP_WAIT_S = 5
NOTED_AFTER_S = 0.25
POOL_WAIT_S = 5
RETRY_S = 0.5
NEVER_SENT = "the ledger went away while it was reserved: never sent"
RESERVE = "SELECT id, refused_by, left_usd FROM proxy.reserve(%(calls)s)"
SETTLE = "SELECT proxy.settle(%(calls)s)"
NOTE = """
    UPDATE proxy.ledger
    SET generation_id = noted.generation_id
    FROM jsonb_to_recordset(%(calls)s) AS noted (id uuid, generation_id text)
    WHERE ledger.id = noted.id AND ledger.status = 'open'
    RETURNING ledger.id"""

logger = log.get_logger()


class Ledger:
    """The tables `proxy.ledger` and `proxy.budgets`."""

    def __init__(self, pool: Pool) -> None:
        """`pool` connects with the proxy's own role."""
        self._pool = pool
        self._open: set[Entry] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._reserving = Batches[Entry, dict[str, Any]](self._reserve)
        self._noting = Batches[dict[str, Any], None](lambda rows: self._write(NOTE, rows))
        self._settling = Batches[dict[str, Any], None](lambda rows: self._write(SETTLE, rows))

    async def open(self, call: ModelCall) -> Entry:
        """Reserve what the call may cost; whatever keeps that from being written keeps the call from being made."""
        entry = Entry(call)
        self._open.add(entry)
        try:
            answer = await self._reserving.add(entry)
        except psycopg.Error as error:
            self._forget(entry, error)
            raise UnavailableError(
                "the ledger cannot be reached, so no model is called", hint="is PostgreSQL up? bin/pilothouse status"
            ) from error
        if answer["refused_by"] is not None:
            self._open.discard(entry)
        require_room(answer["refused_by"], left_usd=answer["left_usd"], most_usd=call.most_usd, model=call.asked_model)
        return entry

    def note_generation(self, entry: Entry) -> None:
        """A call that takes long can be looked up after a crash; the others are settled before it is written."""
        asyncio.get_running_loop().call_later(NOTED_AFTER_S, self._note_if_open, entry)

    def close(self, entry: Entry) -> None:
        """Complete the row in a task of its own: no client that leaves cuts it short, no slow ledger holds it up."""
        if entry not in self._open:  # `finish` was faster
            return
        self._open.discard(entry)
        self.settle(entry.row)

    def settle(self, row: dict[str, Any]) -> None:
        """Write what became of a call, however long the ledger is away."""
        self._start(self._complete(row))

    async def finish(self) -> None:
        """At stop: what is still under way is cut off; its row, and those being completed, get a moment."""
        for entry in tuple(self._open):
            entry.outcome.cut_off()
            self.close(entry)
        if self._closing:
            await asyncio.wait(self._closing, timeout=STOP_WAIT_S)

    def _forget(self, entry: Entry, error: psycopg.Error) -> None:
        """A connection that broke may have written the row all the same; where there was none, nothing is."""
        if isinstance(error, PoolTimeout):
            self._open.discard(entry)
        else:
            entry.outcome.note(NEVER_SENT)
            self.close(entry)

    def _note_if_open(self, entry: Entry) -> None:
        if entry in self._open and entry.outcome.generation_id is not None:
            self._start(self._note(entry))

    async def _note(self, entry: Entry) -> None:
        with suppress(psycopg.Error):  # what closes the row has it too
            await self._noting.add({"id": entry.id, "generation_id": entry.outcome.generation_id})

    def _start(self, writing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(writing)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _complete(self, row: dict[str, Any]) -> None:
        """The client has its answer, so a ledger that went away is reported, and told as soon as it is back."""
        is_reported = False
        while True:
            try:
                return await self._settling.add(row)
            except psycopg.Error as error:
                if not is_reported:
                    _report(row, error)
                is_reported = True
                if not isinstance(error, psycopg.OperationalError):
                    return None
            await asyncio.sleep(RETRY_S)

    async def _reserve(self, entries: Sequence[Entry]) -> Sequence[dict[str, Any]]:
        answers = await self._execute(RESERVE, [entry.reservation for entry in entries])
        by_id = {answer["id"]: answer for answer in answers}
        return [by_id[entry.id] for entry in entries]

    async def _write(self, statement: Any, rows: Sequence[dict[str, Any]]) -> Sequence[None]:
        await self._execute(statement, rows)
        return [None] * len(rows)

    async def _execute(self, statement: Any, calls: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        async with self._pool.connection(POOL_WAIT_S) as connection:
            cursor = await connection.execute(statement, {"calls": orjson.dumps(calls, default=str).decode()})
            return list(await cursor.fetchall())


def _report(row: dict[str, Any], error: Exception) -> None:
    lost = {"ledger_id": str(row["id"]), "generation_id": row["generation_id"], "cost_usd": str(row["cost_usd"])}
    logger.warning("ledger.unsettled", **lost, reason=str(error))
