"""The ledger: a row is written before a call and completed after it, so no call is ever unrecorded.

A row that stays `open` belongs to a call that was cut off; the provider's own record settles it.
"""

import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg_pool import PoolTimeout

from pilothouse.db import Pool
from pilothouse.errors import UnavailableError

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
        latency_ms = %(latency_ms)s
    WHERE id = %(id)s"""


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
    """What the provider said of a call; filled while its answer passes through."""

    generation_id: str | None = None
    served_model: str | None = None
    provider: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: Decimal | None = None
    error: str | None = None


@dataclass
class Entry:
    """One open row of the ledger."""

    id: UUID
    started: float
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def row(self) -> dict[str, Any]:
        """The columns that complete the row. Without a cost the row stays open for reconciliation."""
        outcome = self.outcome
        status = "failed" if outcome.error else "settled" if outcome.cost_usd is not None else "open"
        latency_ms = round((time.monotonic() - self.started) * 1000)
        return {"id": self.id, "status": status, "latency_ms": latency_ms, **vars(outcome)}


class Ledger:
    """The table `proxy.ledger`."""

    def __init__(self, pool: Pool) -> None:
        """`pool` connects with the proxy's own role."""
        self._pool = pool

    async def open(self, call: ModelCall) -> Entry:
        """Record the call before it is made; unreachable means the call is not made."""
        entry = Entry(id=uuid4(), started=time.monotonic())
        await self._write(OPEN, {"id": entry.id, **vars(call)})
        return entry

    async def close(self, entry: Entry) -> None:
        """Complete the row with what the provider said."""
        await self._write(CLOSE, entry.row)

    async def _write(self, statement: Any, values: dict[str, Any]) -> None:
        try:
            async with self._pool.connection() as connection:
                await connection.execute(statement, values)
        except (
            psycopg.Error,
            PoolTimeout,
        ) as error:  # whatever keeps it from being written keeps the call from being made
            raise UnavailableError(
                "the ledger cannot be reached, so no model is called", hint="is PostgreSQL up? bin/pilothouse status"
            ) from error
