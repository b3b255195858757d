"""The indexes of the users who asked last, within a fixed amount of memory, and always as the store is.

A change is noted as it happens and read back from the store before the next question is answered.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from memory.index import UserIndex
from memory.records import WholeRow

HELD_BYTES = 256 * 2**20
BATCH = 5000  # rows with their words at once in memory while an index is built
MANY = 500  # more changes than that are not read one by one before the next search


class IndexNotReadyError(Exception):
    """This user's index is being built: ask again in a moment."""


class WholeRows(Protocol):
    """The store's rows with their vectors."""

    def pages_whole(self, scope: str) -> AsyncIterator[list[WholeRow]]:
        """All of a user's."""
        ...

    async def some_whole(self, scope: str, ids: Sequence[str]) -> list[WholeRow]:
        """Those of these ids."""
        ...


class _Held:
    """A user's index, how many bytes are counted for it, and the ids of rows that changed since it was read."""

    def __init__(self, index: UserIndex) -> None:
        self.index = index
        self.bytes = 0
        self.stale: set[str] = set()
        self.refreshing = asyncio.Lock()


class Indexes:
    """One index a user. The one that was asked last stays, however big."""

    def __init__(self, rows: WholeRows, *, dimension: int, patience_s: float, held_bytes: int = HELD_BYTES) -> None:
        self._rows = rows
        self._dimension = dimension
        self._patience_s = patience_s
        self._room = held_bytes
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._building: dict[str, tuple[_Held, asyncio.Task[None]]] = {}

    async def of(self, scope: str) -> UserIndex:
        """The user's index, holding every change that was told of before."""
        held = self._held.get(scope)
        if held and len(held.stale) > MANY:
            self._make_room_of(scope)
            held = None
        held = held or await self._build_with_patience(scope)
        await self._refresh(scope, held)
        if self._held.get(scope) is held:  # it may have had to make room in the meantime
            self._keep(scope, held)
        return held.index

    def note(self, scope: str, ids: Sequence[str]) -> None:
        """These rows changed."""
        held = self._held.get(scope) or self._building.get(scope, (None, None))[0]
        if held:
            held.stale.update(ids)

    def drop(self, scope: str) -> None:
        """Nothing of this user stays in memory; who asks next has it read from the store again."""
        if scope in self._building:
            self._building.pop(scope)[1].cancel()
        if scope in self._held:
            self._make_room_of(scope)

    async def _build_with_patience(self, scope: str) -> _Held:
        """The building is nobody's: a search that leaves does not end it, and the next one finds what it made."""
        if scope not in self._building:
            held = _Held(UserIndex.empty(self._dimension))
            self._building[scope] = held, asyncio.create_task(self._build(scope, held))
        held, task = self._building[scope]
        await asyncio.wait([task], timeout=self._patience_s)
        if not task.done() or task.cancelled():
            raise IndexNotReadyError
        if self._building.get(scope) == (held, task):  # it failed: the next search begins again
            del self._building[scope]
        await task
        return held

    async def _build(self, scope: str, held: _Held) -> None:
        rows: list[WholeRow] = []
        async for page in self._rows.pages_whole(scope):
            rows += page
            if len(rows) >= BATCH:
                await _extend(held, rows)
                rows = []
        await _extend(held, rows)
        self._building.pop(scope)
        self._keep(scope, held)

    async def _refresh(self, scope: str, held: _Held) -> None:
        async with held.refreshing:
            ids, held.stale = held.stale, set()
            if not ids:
                return
            try:
                rows = await self._rows.some_whole(scope, list(ids))
                held.index = await asyncio.to_thread(held.index.changed, ids, rows)
            except BaseException:  # also when the search that reads them is cancelled
                held.stale |= ids
                raise

    def _keep(self, scope: str, held: _Held) -> None:
        """As the one asked last, and as many of the others as there is room for."""
        self._held[scope] = held
        self._held.move_to_end(scope)
        self._room += held.bytes - held.index.bytes
        held.bytes = held.index.bytes
        while self._room < 0 and len(self._held) > 1:
            self._make_room_of(next(iter(self._held)))

    def _make_room_of(self, scope: str) -> None:
        self._room += self._held.pop(scope).bytes


async def _extend(held: _Held, rows: list[WholeRow]) -> None:
    held.index = await asyncio.to_thread(held.index.changed, [row.id for row in rows], rows)
