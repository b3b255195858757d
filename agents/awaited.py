"""What threads wait for: a person's decision on an intent, and what then becomes of it.

Waiting holds neither a worker nor the thread: the run that proposed it has ended. Whoever learns the intent's fate
stores the run that tells the thread, and forgets the waiting, in one transaction.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import class_row

from agents.background import Background
from agents.leases import NewRun
from pilothouse import log
from pilothouse.db import Pool
from pilothouse.errors import NotFoundError, PilothouseError

LOOK_EVERY_S = 1

LIST = """
    SELECT awaited.intent_id, run.thread_id, run.user_id, run.caller, run.model
    FROM controller.awaited AS awaited
    JOIN controller.runs AS run ON run.id = awaited.run_id
    ORDER BY awaited.noted_at"""
REPLACE = """
    UPDATE controller.awaited
    SET intent_id = %(replaced_by)s
    WHERE intent_id = %(intent_id)s"""
FORGET = """
    DELETE FROM controller.awaited
    WHERE intent_id = %(intent_id)s
    RETURNING intent_id"""

logger = log.get_logger()


@dataclass(frozen=True)
class Fate:
    """What has become of an intent so far. An edited one goes on as another."""

    is_over: bool
    replaced_by: UUID | None = None


@dataclass(frozen=True)
class Waiting:
    """An intent, and whose thread waits for it."""

    intent_id: UUID
    thread_id: UUID
    user_id: str
    caller: str
    model: str

    def follow_up(self) -> NewRun:
        """The run that tells the thread; its graph asks the broker again, so these words carry no authority."""
        return NewRun(
            id=uuid4(),
            thread_id=self.thread_id,
            user_id=self.user_id,
            caller=self.caller,
            idempotency_key=None,
            message=f"What became of intent {self.intent_id}?",
            model=self.model,
            tells_of=self.intent_id,
        )


class Awaited:
    """The table `controller.awaited`."""

    def __init__(self, pool: Pool, background: Background, learn_fate: Callable[[Waiting], Awaitable[Fate]]) -> None:
        """`learn_fate` asks the broker."""
        self._pool = pool
        self._background = background
        self._learn_fate = learn_fate

    async def keep_looking(self) -> None:
        """For as long as the process lives."""
        while True:
            try:
                for waiting in await self._list():
                    await self._look(waiting)
            except psycopg.Error as error:  # the next look comes soon
                logger.warning("awaited.not_looked", reason=str(error))
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self, waiting: Waiting) -> None:
        try:
            fate = await self._learn_fate(waiting)
        except NotFoundError:  # the broker lost its books: the run that tells of it says so
            fate = Fate(is_over=True)
        except PilothouseError as error:  # of this one; the others are looked at all the same
            logger.warning("fate.not_learned", intent_id=str(waiting.intent_id), reason=error.message)
            return
        if fate.replaced_by is not None:
            async with self._pool.connection() as connection:
                await connection.execute(REPLACE, {**vars(fate), "intent_id": waiting.intent_id})
        elif fate.is_over:
            await self._tell(waiting)

    async def _tell(self, waiting: Waiting) -> None:
        """Once, whichever processes have learned it; the run waits its turn on the thread."""
        run = waiting.follow_up()
        async with self._pool.connection() as connection, connection.transaction():
            if await (await connection.execute(FORGET, {"intent_id": waiting.intent_id})).fetchone() is None:
                return
            await self._background.add_in(connection, run, may_wait=True, urgent=False)
        logger.info("intent.told", intent_id=str(waiting.intent_id), run_id=str(run.id))

    async def _list(self) -> list[Waiting]:
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Waiting)) as cursor:
            await cursor.execute(LIST)
            return await cursor.fetchall()
