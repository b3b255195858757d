"""The ledger: a row is written before a call and completed after it, so no call is ever unrecorded.

`settled`: the cost is known. `failed`: the provider refused or was never reached, so there is none. `open` with an
error: the call was cut off and may have been billed; the provider's own record settles it.
"""

import asyncio
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg

from pilothouse import log
from pilothouse.db import Pool
from pilothouse.errors import UnavailableError

STOP_WAIT_S = 5
CUT_OFF = "cut off before the answer was complete: the client left, or the proxy was stopped"
OPEN = """
    INSERT INTO proxy.ledger (id, caller, run_id, node, route, asked_model)
    VALUES (%(id)s, %(caller)s, %(run_id)s, %(node)s, %(route)s, %(asked_model)s)"""
CLOSE = """
    UPDATE proxy.ledger
    SET status = %(status)s,
        served_model = %(served_model)s,
        provider = %(provider)s,
        generation_id = %(generation_id)s,
        prompt_tokens = %(prompt_tokens)s,
        completion_tokens = %(completion_tokens)s,
        cost_usd = %(cost_usd)s,
        error = %(error)s,
        latency_ms = %(latency_ms)s,
        attempts = %(attempts)s
    WHERE id = %(id)s"""

logger = log.get_logger()


@dataclass(frozen=True)
class ModelCall:
    """Who asks for what, from which run and node."""

    caller: str
    run_id: UUID | None
    node: str | None
    route: str
    asked_model: str


@dataclass
class Outcome:
    """What became of a call; filled while its answer passes through."""

    generation_id: str | None = None
    served_model: str | None = None
    provider: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
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
    def row(self) -> dict[str, Any]:
        """The columns that complete the row."""
        latency_ms = round((time.monotonic() - self.started) * 1000)
        return {"id": self.id, "status": self.outcome.status, "latency_ms": latency_ms, **vars(self.outcome)}


class Ledger:
    """The table `proxy.ledger`."""

    def __init__(self, pool: Pool) -> None:
        """`pool` connects with the proxy's own role."""
        self._pool = pool
        self._open: set[Entry] = set()
        self._closing: set[asyncio.Task[None]] = set()

    async def open(self, call: ModelCall) -> Entry:
        """Record the call before it is made; whatever keeps it from being written keeps the call from being made."""
        entry = Entry(call)
        self._open.add(entry)
        try:
            await self._write(OPEN, {"id": entry.id, **vars(call)})
        except psycopg.Error as error:
            self._open.discard(entry)
            raise UnavailableError(
                "the ledger cannot be reached, so no model is called", hint="is PostgreSQL up? bin/pilothouse status"
            ) from error
        return entry

    def close(self, entry: Entry) -> None:
        """Complete the row in a task of its own: no client that leaves cuts it short, no slow ledger holds it up."""
        if entry not in self._open:  # `finish` was faster
            return
        self._open.discard(entry)
        task = asyncio.create_task(self._complete(entry.row))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def finish(self) -> None:
        """At stop: what is still under way is cut off; its row, and those being completed, get a moment."""
        for entry in tuple(self._open):
            entry.outcome.cut_off()
            self.close(entry)
        if self._closing:
            await asyncio.wait(self._closing, timeout=STOP_WAIT_S)

    async def _complete(self, row: dict[str, Any]) -> None:
        """The client has its answer, so a ledger that went away can only be reported; the row stays open."""
        try:
            await self._write(CLOSE, row)
        except psycopg.Error as error:
            lost = {
                "ledger_id": str(row["id"]),
                "generation_id": row["generation_id"],
                "cost_usd": str(row["cost_usd"]),
            }
            logger.warning("ledger.unsettled", **lost, reason=str(error))

    async def _write(self, statement: Any, values: dict[str, Any]) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(statement, values)
