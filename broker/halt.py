"""Halt: no entries, whoever wants them, until a person lifts it by signature. Exits stay possible.

It is a file in the broker's folder, which anybody who can write there may make with whatever else is down, and a row
in the books, which gives it an id to sign. Freqtrade is paused as long as either is there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

from psycopg import Error as DatabaseError
from psycopg.rows import class_row

from broker.approvers import Approvers
from broker.audit import Audit
from broker.book_side import HALT_FILE
from broker.freqtrade import Freqtrade
from broker.statements import SignedStatement
from pilothouse import log
from pilothouse.clock import Clock, now
from pilothouse.db import AsyncDictConnection, Pool
from pilothouse.errors import BadInputError, NotFoundError, PilothouseError

POLL_S = 0.5
MAX_REASON_CHARS = 500
BY_FILE = "the file"
OWED_FILE = "start.owed"  # the halt is lifted, or about to be, and Freqtrade was not started yet
ITSELF = "the broker"
RESUME = "resume"

CURRENT = "SELECT id, reason, halted_by, halted_at FROM broker.halts WHERE lifted_at IS NULL"
BEGIN = """
    INSERT INTO broker.halts (id, reason, halted_by, halted_at)
    VALUES (%(id)s, %(reason)s, %(halted_by)s, %(halted_at)s)"""
ADD_REASON = "UPDATE broker.halts SET reason = %(reason)s WHERE id = %(id)s"
LIFT = "UPDATE broker.halts SET lifted_at = %(at)s, lifted_by = %(by)s WHERE id = %(id)s"

logger = log.get_logger()


@dataclass(frozen=True)
class Halt:
    """One that is not lifted."""

    id: UUID
    reason: str
    halted_by: str
    halted_at: datetime


class Halts:
    """Begins halts, lifts them, and keeps Freqtrade paused in between."""

    def __init__(
        self, pool: Pool, audit: Audit, *, approvers: Approvers, freqtrade: Freqtrade, folder: Path, clock: Clock = now
    ) -> None:
        self._pool = pool
        self._audit = audit
        self._approvers = approvers
        self._freqtrade = freqtrade
        self._file = folder / HALT_FILE
        self._owed = folder / OWED_FILE
        self._clock = clock
        self._woken = asyncio.Event()

    async def current(self) -> Halt | None:
        """The one that is not lifted, if there is one."""
        async with self._pool.connection() as connection:
            return await _current(connection)

    async def halt(self, reason: str, *, by: str) -> Halt:
        """Stop all entries now. While halted already, the reason is added to that halt's."""
        said = reason.strip()[:MAX_REASON_CHARS] or "no reason given"
        if not self._file.exists():
            await asyncio.to_thread(self._file.write_text, f"{said}\n")  # holds although the books may be out of reach
        self._woken.set()
        async with self._audit.writing() as writing:
            halt = await _current(writing.connection)
            if halt is None:
                halt = Halt(uuid4(), said, by, self._clock())
                await writing.connection.execute(BEGIN, vars(halt))
            elif said not in halt.reason:
                both = f"{halt.reason}; {said}"
                await writing.connection.execute(ADD_REASON, {"id": halt.id, "reason": both})
            await writing.note("halt.begun", str(halt.id), {"reason": said, "by": by})
            begun = await _current(writing.connection)
        logger.warning("halt.begun", reason=said, by=by)
        return begun or halt

    async def resume(self, signed: SignedStatement) -> Halt:
        """Lift the halt that an approver's signature names; entries go on."""
        if signed.decision != RESUME:
            raise BadInputError(f"'{signed.decision}' is no decision on a halt", hint=f"sign '{RESUME}'")
        async with self._audit.writing() as writing:
            halt = await _current(writing.connection)
            if halt is None:
                raise NotFoundError("nothing is halted", hint="there is nothing to resume")
            approver = await self._approvers.accept(writing, signed, subject=str(halt.id))
            lifted = {"id": halt.id, "at": self._clock(), "by": approver.name}
            await writing.connection.execute(LIFT, lifted)
            await writing.note("halt.lifted", str(halt.id), {"by": approver.name})
            self._owed.touch()
            self._file.unlink(missing_ok=True)  # before the commit: a file written after this moment halts anew
        self._woken.set()
        logger.warning("halt.lifted", by=approver.name)
        return halt

    async def keep(self, watch: Callable[[], Awaitable[str]]) -> None:
        """Until cancelled: see the file, ask `watch` why the broker itself should halt, keep Freqtrade paused."""
        while True:
            self._woken.clear()
            try:
                await self._tend(watch)
            except (PilothouseError, DatabaseError, OSError) as error:
                logger.warning("halt.untended", error=str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._woken.wait()

    async def _tend(self, watch: Callable[[], Awaitable[str]]) -> None:
        if self._file.exists():
            await self._pause()  # first: the books may be out of reach
        halt = await self.current()
        if halt is None and self._file.exists():
            halt = await self.halt(await asyncio.to_thread(self._written), by=BY_FILE)
        if halt is None and (reason := await watch()):
            halt = await self.halt(reason, by=ITSELF)
        if halt is not None:
            await self._pause()
        elif self._owed.exists():
            await self._start()

    def _written(self) -> str:
        try:
            return self._file.read_text(errors="replace")
        except OSError:  # made by another user: it counts all the same
            return ""

    async def _pause(self) -> None:
        """Only a bot that runs: to pause a stopped one would wake it."""
        if (await self._freqtrade.show_config()).state == "running":
            await self._freqtrade.pause()
            logger.warning("freqtrade.paused")

    async def _start(self) -> None:
        """After a halt. What was stopped by other hands stays so."""
        if (await self._freqtrade.show_config()).state == "paused":
            await self._freqtrade.start()
            logger.info("freqtrade.started")
        self._owed.unlink()


async def _current(connection: AsyncDictConnection) -> Halt | None:
    async with connection.cursor(row_factory=class_row(Halt)) as cursor:
        await cursor.execute(CURRENT)
        return await cursor.fetchone()
