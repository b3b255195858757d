"""The loop that sends what was approved to Freqtrade, at most once, and follows it to its end.

An intent is `submitting` on the disk before the call goes out and never leaves that state back to `approved`: whatever
kills the broker after that, the call is not repeated; Freqtrade's own trades then tell what became of it.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol
from uuid import UUID

from psycopg import Error as DatabaseError

from broker.audit import Writing
from broker.books import Books, find, move, read
from broker.freqtrade import Freqtrade
from broker.intents import Intent, State
from broker.limits import NO_DATA, Refusal
from broker.orders import Orders, RefusedError, UnclearError
from broker.settling import Settling, exit_orders
from pilothouse import log
from pilothouse.clock import Clock, now
from pilothouse.errors import PilothouseError

POLL_S = 1.0
UNSETTLED: tuple[State, ...] = ("submitting", "submitted", "unknown")
UNDER_WAY: tuple[State, ...] = ("submitting", "submitted")
ON_PAIR = "intent.pair = %(pair)s AND intent.state = ANY(%(states)s)"
OVERDUE = "intent.state IN ('awaiting_approval', 'approved') AND intent.expires_at <= %(now)s"


class Desk(Protocol):
    """Who knows whether an approved intent may still go."""

    async def look(self, pair: str) -> Any:
        """What Freqtrade says now."""
        ...

    async def recheck(self, writing: Writing, intent: Intent, bot: Any, /) -> Sequence[Refusal]:
        """Every reason against it."""
        ...


class Submissions:
    """One a broker."""

    def __init__(
        self,
        books: Books,
        desk: Desk,
        *,
        freqtrade: Freqtrade,
        orders: Orders,
        settling: Settling,
        tag: Callable[[Intent], str],
        clock: Clock = now,
    ) -> None:
        self._books = books
        self._desk = desk
        self._freqtrade = freqtrade
        self._orders = orders
        self._settling = settling
        self._tag = tag
        self._clock = clock
        self._woken = asyncio.Event()
        self._sending: dict[UUID, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """Something was approved: do not wait for the next look."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled; what a call under way at that moment comes to is found at the next start."""
        try:
            while True:
                self._woken.clear()
                await self._round()
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await self._woken.wait()
        finally:
            for task in self._sending.values():
                task.cancel()

    async def _round(self) -> None:
        try:
            await self._expire()
            await self._settling.settle(await self._unsettled())
            for intent in reversed(await self._books.in_states("approved")):
                self._begin(intent)
        except (PilothouseError, DatabaseError) as error:
            log.get_logger().warning("submissions.delayed", error=str(error))

    async def _unsettled(self) -> list[Intent]:
        """All that were sent, but for those whose answer is still awaited."""
        return [each for each in await self._books.in_states(*UNSETTLED) if each.id not in self._sending]

    async def _expire(self) -> None:
        moment = self._clock()
        waiting = await self._books.in_states("awaiting_approval", "approved")
        if not any(each.expires_at <= moment for each in waiting):
            return
        async with self._books.audit.writing() as writing:
            for intent in await find(writing.connection, OVERDUE, {"now": moment}):
                await move(writing, intent, "expired", note="its time was over before it was sent")

    def _begin(self, intent: Intent) -> None:
        """Each in a task of its own: an exit does not wait for another's answer."""
        if intent.id in self._sending:
            return
        self._sending[intent.id] = asyncio.create_task(self._submit(intent))

    async def _submit(self, intent: Intent) -> None:
        try:
            await self._submit_once(intent)
            self.wake()
        except (PilothouseError, DatabaseError) as error:
            log.get_logger().warning("intent.delayed", intent=str(intent.id), error=str(error))
        finally:
            del self._sending[intent.id]

    async def _submit_once(self, intent: Intent) -> None:
        snapshot = await self._desk.look(intent.pair)
        before = await self._exits_before(intent)
        async with self._books.audit.writing() as writing:
            marked = await self._mark(writing, intent, snapshot, before)
        if marked is None:
            return
        try:
            await self._send(marked)
        except RefusedError as error:
            await self._end(marked, "failed", error.message)
        except UnclearError as error:
            log.get_logger().warning("intent.unclear", intent=str(intent.id), error=error.message)
        else:
            await self._end(marked, "submitted", "")

    async def _mark(
        self, writing: Writing, intent: Intent, snapshot: Any, before: Sequence[str] | None
    ) -> Intent | None:
        """Submitting, on the disk, if nothing is against it any more; None when it does not go now."""
        fresh = await read(writing.connection, intent.id)
        under_way = await find(writing.connection, ON_PAIR, {"pair": intent.pair, "states": list(UNDER_WAY)})
        if fresh.state != "approved" or under_way:
            return None
        refusals = await self._desk.recheck(writing, fresh, snapshot)
        if refusals and all(each.code == NO_DATA for each in refusals):  # Freqtrade or its exchange is away: not yet
            return None
        if refusals:
            await move(writing, fresh, "refused", refusals=[vars(each) for each in refusals])
            return None
        at = self._clock()
        if at >= fresh.expires_at:  # while it was looked at: the next round says so
            return None
        return await move(writing, fresh, "submitting", submitted_at=at, orders_before=before)

    async def _exits_before(self, intent: Intent) -> list[str] | None:
        """The exit orders its trade has already: only another one can be ours."""
        if intent.action == "enter":
            return None
        trades = [each for each in await self._freqtrade.open_trades() if each.trade_id == intent.trade_id]
        return [order.order_id for trade in trades for order in exit_orders(trade)]

    async def _send(self, intent: Intent) -> None:
        if intent.trade_id is not None:
            await self._orders.leave(trade_id=intent.trade_id, amount=intent.amount)
        elif intent.stake is not None:
            await self._orders.enter(pair=intent.pair, stake=intent.stake, tag=self._tag(intent))

    async def _end(self, intent: Intent, state: State, note: str) -> None:
        async with self._books.audit.writing() as writing:
            await move(writing, intent, state, note=note)
        log.get_logger().info(f"intent.{state}", intent=str(intent.id), note=note)
