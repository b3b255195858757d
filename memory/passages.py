"""What a user's requests do goes through here, so that an erasure knows what is under way and nothing slips past it.

An erasure interrupts turns with their models, waits until everything else that began before it has ended (and so will
be erased), and lets what comes later wait for it (and so be kept).
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from memory.erasure import Erasure
from memory.records import Turn


class ForgottenError(Exception):
    """The turn is being forgotten: nothing of it may be kept."""


class Passage:
    """One request of a user, from where it begins to change something to its end."""

    def __init__(self, turn: Turn | None) -> None:
        self.turn = turn
        self._work: asyncio.Task[None] | None = None
        self._interrupted = False

    async def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this, unless an erasure interrupts it: then it is over when ForgottenError is raised."""
        self._work = asyncio.create_task(work)
        try:
            await self._work
        except asyncio.CancelledError:
            if self._interrupted:
                raise ForgottenError from None
            raise

    def interrupt(self) -> None:
        """Stop what can be stopped: a save is short, a turn waits for a model."""
        if self._work:
            self._interrupted = True
            self._work.cancel()


class Passages:
    """Of all users; in this process, which is the only one on its folder."""

    def __init__(self) -> None:
        self._passing: dict[str, list[Passage]] = {}
        self._erasing: list[Erasure] = []
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def passing(self, scope: str, turn: Turn | None = None) -> AsyncGenerator[Passage]:
        """Begin a request: later, while this user's memory is being erased; never, for a turn that goes with it."""
        passage = Passage(turn)
        async with self._changed:
            if turn and self._is_erased(scope, passage):
                raise ForgottenError
            await self._changed.wait_for(lambda: not self._is_erased(scope, passage))
            self._passing.setdefault(scope, []).append(passage)
        try:
            yield passage
        finally:
            await self._end(scope, passage)

    @asynccontextmanager
    async def closed(self, erasure: Erasure) -> AsyncGenerator[None]:
        """Nothing that this erasure covers is under way in the block."""
        self._erasing.append(erasure)
        try:
            async with self._changed:
                for passage in self._covered(erasure):
                    passage.interrupt()
                await self._changed.wait_for(lambda: not self._covered(erasure))
            yield
        finally:
            self._erasing.remove(erasure)
            await self._wake()

    def _is_erased(self, scope: str, passage: Passage) -> bool:
        return any(each.scope == scope and each.covers(passage.turn) for each in self._erasing)

    def _covered(self, erasure: Erasure) -> list[Passage]:
        return [each for each in self._passing.get(erasure.scope, []) if erasure.covers(each.turn)]

    async def _end(self, scope: str, passage: Passage) -> None:
        self._passing[scope].remove(passage)
        if not self._passing[scope]:
            del self._passing[scope]
        await self._wake()

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()
