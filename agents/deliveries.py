"""Brings the answers of ended runs to where their hook was told to, signed, until it is taken or hope is lost.

Whoever takes a delivery moves it on by a while first: killed while it sends, it is sent again, under the same id. So a
receiver that remembers `webhook-id` hears each answer once.
"""

import asyncio
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from uuid import UUID

import aiohttp
import orjson
import psycopg
from psycopg.rows import class_row

from agents.outcomes import Outcome, read_outcome
from pilothouse import log
from pilothouse.clock import Clock
from pilothouse.db import Pool
from pilothouse.errors import NotFoundError
from pilothouse.webhooks import HookSecrets, sign

LOOK_EVERY_S = 0.5
SEND_S = 10
HELD = timedelta(seconds=30)  # longer than sending takes
LONGEST_PAUSE_S = 600
ATTEMPTS = 100  # about 16 hours
FINISHED_ALREADY = b"finished already"  # n8n's words when its Wait node was resumed before; else its 409 is "too early"

TAKE = """
    UPDATE controller.deliveries AS delivery
    SET next_at = %(held_until)s, attempts = attempts + 1
    FROM (
        SELECT due.run_id
        FROM controller.deliveries AS due
        JOIN controller.runs AS run ON run.id = due.run_id
        WHERE due.delivered_at IS NULL AND due.given_up_at IS NULL AND due.next_at <= %(now)s
          AND run.ended_at IS NOT NULL
        ORDER BY due.next_at
        LIMIT 1
        FOR UPDATE OF due SKIP LOCKED
    ) AS mine, controller.hooks AS hook
    WHERE delivery.run_id = mine.run_id AND hook.id = delivery.hook_id
    RETURNING delivery.run_id, delivery.url, delivery.attempts, hook.id AS hook_id, hook.secret_version"""
DELIVERED = """
    UPDATE controller.deliveries
    SET delivered_at = %(now)s, error = NULL
    WHERE run_id = %(run_id)s"""
FAILED = """
    UPDATE controller.deliveries
    SET next_at = %(next_at)s, given_up_at = %(given_up_at)s, error = %(error)s
    WHERE run_id = %(run_id)s"""
LIST = """
    SELECT delivery.run_id, hook.name AS hook_name, delivery.url, delivery.attempts, delivery.next_at, delivery.error,
           delivery.delivered_at, delivery.given_up_at
    FROM controller.deliveries AS delivery
    JOIN controller.hooks AS hook ON hook.id = delivery.hook_id
    WHERE hook.user_id = %(user_id)s AND (NOT %(only_dead)s OR delivery.given_up_at IS NOT NULL)
    ORDER BY delivery.next_at DESC
    LIMIT %(limit)s"""
REPLAY = """
    UPDATE controller.deliveries AS delivery
    SET next_at = %(now)s, given_up_at = NULL, delivered_at = NULL, attempts = 0
    FROM controller.hooks AS hook
    WHERE delivery.run_id = %(run_id)s AND hook.id = delivery.hook_id AND hook.user_id = %(user_id)s
    RETURNING delivery.run_id"""

logger = log.get_logger()


@dataclass(frozen=True)
class Due:
    """An answer to be brought now."""

    run_id: UUID
    url: str
    attempts: int
    hook_id: UUID
    secret_version: int


@dataclass(frozen=True)
class Delivery:
    """An answer, brought or not, as people look at it."""

    run_id: UUID
    hook_name: str
    url: str
    attempts: int
    next_at: datetime
    error: str | None
    delivered_at: datetime | None
    given_up_at: datetime | None


class Deliveries:
    """The table `controller.deliveries`."""

    def __init__(self, *, pool: Pool, session: aiohttp.ClientSession, clock: Clock, secrets: HookSecrets) -> None:
        """`secrets` sign what is sent."""
        self._pool = pool
        self._session = session
        self._clock = clock
        self._secrets = secrets

    async def keep_delivering(self) -> None:
        """For as long as the process lives."""
        while True:
            try:
                while (due := await self._take()) is not None:
                    await self._deliver(due)
            except psycopg.Error as error:  # what was due still is
                logger.warning("delivering.failed", reason=str(error))
            await asyncio.sleep(LOOK_EVERY_S)

    async def list_all(self, *, user_id: str, only_dead: bool, limit: int) -> list[Delivery]:
        """A user's, newest first."""
        values = {"user_id": user_id, "only_dead": only_dead, "limit": limit}
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Delivery)) as cursor:
            await cursor.execute(LIST, values)
            return await cursor.fetchall()

    async def replay(self, run_id: UUID, *, user_id: str) -> None:
        """Bring it again, from the beginning, under the same id."""
        values = {"run_id": run_id, "user_id": user_id, "now": self._clock()}
        async with self._pool.connection() as connection:
            if await (await connection.execute(REPLAY, values)).fetchone() is None:
                raise NotFoundError(
                    f"nothing is to be brought for run {run_id}", hint="bin/pilothouse hooks deliveries"
                )

    async def _take(self) -> Due | None:
        now = self._clock()
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Due)) as cursor:
            await cursor.execute(TAKE, {"now": now, "held_until": now + HELD})
            return await cursor.fetchone()

    async def _deliver(self, due: Due) -> None:
        outcome = await read_outcome(self._pool, due.run_id)
        if outcome is None:
            return  # deleted meanwhile, and the delivery with it
        refusal = await self._send(due, outcome)
        await self._note(due, refusal)
        logger.info("answer.brought" if refusal is None else "answer.not_brought", run_id=str(due.run_id), said=refusal)

    async def _send(self, due: Due, outcome: Outcome) -> str | None:
        """None when it was taken, else why not. Never follows a redirect: only the allowed address gets it."""
        body = orjson.dumps({"type": "run.ended", **asdict(outcome)}, default=str)
        secret = self._secrets.of(due.hook_id, version=due.secret_version)
        signed = sign(body, secret=secret, message_id=str(due.run_id), at=self._clock())
        headers = {"Content-Type": "application/json", **signed}
        timeout = aiohttp.ClientTimeout(total=SEND_S)
        try:
            async with self._session.post(
                due.url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                return _refusal(answer.status, await answer.content.read(2000))
        except (aiohttp.ClientError, TimeoutError) as error:
            return type(error).__name__

    async def _note(self, due: Due, refusal: str | None) -> None:
        now = self._clock()
        lost = due.attempts >= ATTEMPTS
        values = {
            "run_id": due.run_id,
            "now": now,
            "next_at": now + pause_after(due.attempts),
            "given_up_at": now if lost else None,
            "error": refusal,
        }
        async with self._pool.connection() as connection:
            await connection.execute(DELIVERED if refusal is None else FAILED, values)


def pause_after(attempts: int) -> timedelta:
    """Doubles up to ten minutes."""
    return timedelta(seconds=min(2 ** min(attempts - 1, 20), LONGEST_PAUSE_S))


def _refusal(status: int, said: bytes) -> str | None:
    taken = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
    if taken or (status == HTTPStatus.CONFLICT and FINISHED_ALREADY in said):
        return None
    return f"{status} {said[:200].decode(errors='replace')}"
