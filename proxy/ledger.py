"""The ledger: what a call may cost is reserved before it is made, and settled after it, so no call is ever unrecorded.

`settled`: the cost is known. `failed`: the provider refused or was never reached, so there is none. `refused`: a cap
had no room, nothing was sent. `open` with an error: the call was cut off and may have been billed; its reservation
stays until the provider's own record settles it.
"""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import orjson
import psycopg

from pilothouse import log
from pilothouse.db import Pool
from pilothouse.errors import UnavailableError
from proxy.batches import Batches
from proxy.budgets import Budget, require_room
from proxy.pricing import Price

STOP_WAIT_S = 5
NOTED_AFTER_S = 0.25
POOL_WAIT_S = 5
RETRY_S = 0.5
CUT_OFF = "cut off before the answer was complete: the client left, or the proxy was stopped"
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


@dataclass(frozen=True)
class ModelCall:
    """Who asks for what, from which run and node, and what it may cost at most."""

    key_id: UUID
    caller: str
    run_id: UUID | None
    node: str | None
    route: str
    asked_model: str
    price: Price
    most_usd: Decimal
    budgets: Sequence[Budget]


@dataclass
class Outcome:
    """What became of a call; filled while its answer passes through."""

    generation_id: str | None = None
    served_model: str | None = None
    provider: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: Decimal | None = None
    error: str | None = None
    may_be_billed: bool = False  # from the moment the provider is asked, until it refuses
    attempts: int = 0

    @property
    def status(self) -> str:
        """A known cost counts whatever went wrong besides."""
        if self.cost_usd is not None:
            return "settled"
        return "open" if self.may_be_billed else "failed"

    @property
    def columns(self) -> dict[str, Any]:
        """As `proxy.settle` takes them."""
        return {"status": self.status, **vars(self)}

    def price(self, price: Price) -> None:
        """Where the provider lists no prices, it says no cost either."""
        if self.cost_usd is None and self.may_be_billed and not price.is_listed:
            self.cost_usd = price.of(self.prompt_tokens, self.completion_tokens)

    def cut_off(self) -> None:
        """Say so, unless the cost is known: the answer was at its end then."""
        if self.cost_usd is None:
            self.note(CUT_OFF)

    def note(self, error: str) -> None:
        """The first error is the cause of the next ones."""
        self.error = self.error or error


@dataclass(eq=False)
class Entry:
    """One row of the ledger."""

    call: ModelCall
    id: UUID = field(default_factory=uuid4)
    started: float = field(default_factory=time.monotonic)
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def reservation(self) -> dict[str, Any]:
        """What `proxy.reserve` takes."""
        return {"id": self.id, "reserved_usd": self.call.most_usd, **vars(self.call)}

    @property
    def row(self) -> dict[str, Any]:
        """The columns that complete the row, as `proxy.settle` takes them."""
        self.outcome.price(self.call.price)
        latency_ms = round((time.monotonic() - self.started) * 1000)
        return {"id": self.id, "latency_ms": latency_ms, **self.outcome.columns}


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
            entry.outcome.note(NEVER_SENT)
            self.close(entry)  # it may have been written all the same
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
