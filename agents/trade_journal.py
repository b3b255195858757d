"""The journal: what the broker says has ended is told to memory, each once, whichever processes look.

Whoever locks the journal's row looks, the others pass. Memory is told before the row moves on, under keys that name the
intent or the trade, so a crash in between repeats it and stores nothing twice. Trades of the bot's own strategy, which
no intent asked for, belong to nobody and are left out.
"""

import asyncio
from typing import Any, Protocol

import psycopg
from psycopg.rows import class_row

from agents.trade_memories import Bought, decision, outcome
from pilothouse import log
from pilothouse.db import AsyncDictConnection, Pool
from pilothouse.errors import BadInputError, ConflictError, PilothouseError
from tools.endings_client import EndedIntent, EndingsClient

LOOK_EVERY_S = 1
REST_S = 10  # after a look that broker, memory or database broke off
AT_ONCE = 50

TAKE = "SELECT place FROM controller.trade_journal FOR UPDATE SKIP LOCKED"
MOVE_ON = "UPDATE controller.trade_journal SET place = %(place)s"
NOTE_BOUGHT = """
    INSERT INTO controller.trades_bought (trade_id, intent_id, user_id, run_id, thread_id, mode)
    VALUES (%(trade_id)s, %(intent_id)s, %(user_id)s, %(run_id)s, %(thread_id)s, %(mode)s)
    ON CONFLICT (trade_id) DO NOTHING"""
BOUGHT = """
    SELECT trade_id, intent_id, user_id, run_id, thread_id, mode
    FROM controller.trades_bought
    WHERE trade_id > %(after)s
    ORDER BY trade_id
    LIMIT %(limit)s"""
FORGET = "DELETE FROM controller.trades_bought WHERE trade_id = %(trade_id)s"

logger = log.get_logger()


class Memories(Protocol):
    """The memory process."""

    async def save(self, **memory: Any) -> Any:
        """Keep one; repeated with the same key it is kept once."""
        ...


class TradeJournal:
    """The tables `controller.trade_journal` and `controller.trades_bought`."""

    def __init__(self, pool: Pool, endings: EndingsClient, memories: Memories) -> None:
        """`pool` connects with the controller's role."""
        self._pool = pool
        self._endings = endings
        self._memories = memories

    async def keep_writing(self) -> None:
        """For as long as the process lives."""
        while True:
            rest_s = LOOK_EVERY_S
            try:
                while await self.write():
                    pass
            except (psycopg.Error, PilothouseError) as error:  # nothing moved on: the next look repeats it
                logger.warning("journal.not_written", reason=str(error))
                rest_s = REST_S
            await asyncio.sleep(rest_s)

    async def write(self) -> bool:
        """Tell memory what has ended since the last time, or a part of it; False when there was nothing to do.

        Nor is there while another process is at it.
        """
        async with self._pool.connection() as connection, connection.transaction():
            row = await (await connection.execute(TAKE)).fetchone()
            if row is None:
                return False
            decided = await self._write_decisions(connection, row["place"])
            closed = await self._write_outcomes(connection)
        return decided or closed

    async def _write_decisions(self, connection: AsyncDictConnection, place: int) -> bool:
        found = await self._endings.after(place)
        for intent in found.intents:
            await self._tell(decision(intent))
            if intent.action == "enter" and intent.fill:
                await connection.execute(NOTE_BOUGHT, _bought(intent, intent.fill.trade_id))
        if found.place != place:
            await connection.execute(MOVE_ON, {"place": found.place})
        return bool(found.intents)

    async def _write_outcomes(self, connection: AsyncDictConnection) -> bool:
        """What the bot forgot before it was closed stays in the table: it may come back."""
        after, told = 0, False
        while bought := await _read_bought(connection, after):
            trades = await self._endings.closed(list(bought))
            for trade in trades:
                await self._tell(outcome(bought[trade.trade_id], trade))
                await connection.execute(FORGET, {"trade_id": trade.trade_id})
            after, told = max(bought), told or bool(trades)
        return told

    async def _tell(self, memory: dict[str, Any]) -> None:
        """One that memory does not take, as a tainted one when quarantine is full, must not keep the others waiting."""
        try:
            await self._memories.save(**memory)
        except (BadInputError, ConflictError) as error:
            logger.warning("journal.refused", key=memory["key"], reason=error.message)


def _bought(intent: EndedIntent, trade_id: int) -> dict[str, Any]:
    names = ("user_id", "run_id", "thread_id", "mode")
    return {"trade_id": trade_id, "intent_id": intent.id, **{name: getattr(intent, name) for name in names}}


async def _read_bought(connection: AsyncDictConnection, after: int) -> dict[int, Bought]:
    async with connection.cursor(row_factory=class_row(Bought)) as cursor:
        await cursor.execute(BOUGHT, {"after": after, "limit": AT_ONCE})
        return {each.trade_id: each for each in await cursor.fetchall()}
