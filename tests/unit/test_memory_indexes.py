"""A user's index is always as the store is, is built beside the searches, and takes a fixed amount of memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pytest

from memory.index import ENTRY_BYTES
from memory.indexes import MANY, Indexes, IndexNotReadyError
from memory.payload import note_payload
from memory.records import Note, Source, WholeRow

ANN, BOB, EVE = "u_ann", "u_bob", "u_eve"

ROOM_FOR_TWO = 5 * ENTRY_BYTES // 2  # of one memory each


@dataclass
class Store:
    """The rows of a few users, read when the test lets them be read."""

    rows: dict[str, dict[str, WholeRow]] = field(default_factory=dict[str, dict[str, WholeRow]])
    open: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None
    scrolled: list[str] = field(default_factory=list[str])

    def put(self, scope: str, *texts: str) -> list[str]:
        """Keep these; gives their ids."""
        of_user = self.rows.setdefault(scope, {})
        of_user |= {text: _row(scope, text) for text in texts}
        return list(texts)

    async def pages_whole(self, scope: str) -> AsyncIterator[list[WholeRow]]:
        self.scrolled.append(scope)
        page = list(self.rows.get(scope, {}).values())
        await self._wait()
        yield page

    async def some_whole(self, scope: str, ids: Sequence[str]) -> list[WholeRow]:
        await self._wait()
        of_user = self.rows.get(scope, {})
        return [of_user[row_id] for row_id in ids if row_id in of_user]

    async def _wait(self) -> None:
        await self.open.wait()
        if self.error:
            raise self.error


def _row(scope: str, text: str) -> WholeRow:
    note = Note(text, text, Source(kind="person"), datetime(2026, 1, 1, tzinfo=UTC), tainted=False)
    return WholeRow(text, note_payload(scope, note), np.ones(2, np.float32), {1: 1.0})


@pytest.fixture
def store() -> Store:
    """With one memory of Ann's; open."""
    store = Store()
    store.put(ANN, "first")
    store.open.set()
    return store


@pytest.fixture
def indexes(store: Store) -> Indexes:
    """Of that store, with no patience to speak of."""
    return Indexes(store, dimension=2, patience_s=0.05)


async def ids_of(indexes: Indexes, scope: str = ANN) -> set[str]:
    """What a search looks through, as soon as it is there."""
    while True:
        with suppress(IndexNotReadyError):
            return {entry.id for entry in (await indexes.of(scope)).entries}


async def test_what_was_added_and_removed_is_so_for_the_next_search(store: Store, indexes: Indexes) -> None:
    assert await ids_of(indexes) == {"first"}

    indexes.note(ANN, store.put(ANN, "second"))
    del store.rows[ANN]["first"]
    indexes.note(ANN, ["first"])

    assert await ids_of(indexes) == {"second"}
    assert store.scrolled == [ANN]


async def test_another_users_change_changes_nothing(store: Store, indexes: Indexes) -> None:
    await ids_of(indexes)

    indexes.note(BOB, store.put(BOB, "bob's"))

    assert await ids_of(indexes) == {"first"}
    assert await ids_of(indexes, BOB) == {"bob's"}


async def test_a_search_does_not_wait_for_a_long_building_which_goes_on_without_it(
    store: Store, indexes: Indexes
) -> None:
    store.open.clear()
    for _ in range(2):
        with pytest.raises(IndexNotReadyError):
            await indexes.of(ANN)
    store.open.set()

    assert await ids_of(indexes) == {"first"}
    assert store.scrolled == [ANN]


async def test_what_changes_while_an_index_is_built_is_in_it(store: Store, indexes: Indexes) -> None:
    store.open.clear()
    with pytest.raises(IndexNotReadyError):
        await indexes.of(ANN)
    indexes.note(ANN, store.put(ANN, "told while it was read"))
    store.open.set()

    assert await ids_of(indexes) == {"first", "told while it was read"}


async def test_a_search_that_is_cancelled_loses_no_change(store: Store, indexes: Indexes) -> None:
    await ids_of(indexes)
    indexes.note(ANN, store.put(ANN, "second"))
    store.open.clear()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(indexes.of(ANN), 0.05)
    store.open.set()

    assert await ids_of(indexes) == {"first", "second"}


async def test_of_searches_at_once_none_misses_a_change(store: Store, indexes: Indexes) -> None:
    await ids_of(indexes)
    indexes.note(ANN, store.put(ANN, "second"))

    found = await asyncio.gather(*(ids_of(indexes) for _ in range(10)))

    assert found == [{"first", "second"}] * 10


async def test_a_store_that_fails_is_told_and_asked_again(store: Store, indexes: Indexes) -> None:
    store.error = ConnectionError("the store is away")
    with pytest.raises(ConnectionError):
        await ids_of(indexes)
    store.error = None

    assert await ids_of(indexes) == {"first"}


async def test_so_many_changes_that_reading_them_takes_long_are_read_beside_the_searches(
    store: Store, indexes: Indexes
) -> None:
    await ids_of(indexes)
    many = [f"note {number}" for number in range(MANY + 1)]
    indexes.note(ANN, store.put(ANN, *many))
    store.open.clear()
    with pytest.raises(IndexNotReadyError):
        await indexes.of(ANN)
    store.open.set()

    assert await ids_of(indexes) == {"first", *many}


async def test_who_asked_longest_ago_makes_room_and_is_read_again(store: Store) -> None:
    for scope in (BOB, EVE):
        store.put(scope, f"of {scope}")
    indexes = Indexes(store, dimension=2, patience_s=1, held_bytes=ROOM_FOR_TWO)

    for scope in (ANN, BOB, ANN, EVE, ANN, BOB):
        assert len(await ids_of(indexes, scope)) == 1

    assert store.scrolled == [ANN, BOB, EVE, BOB]


async def test_the_user_who_asks_is_answered_though_all_that_is_known_of_them_takes_more_room(store: Store) -> None:
    store.put(ANN, *(f"note {number}" for number in range(100)))
    indexes = Indexes(store, dimension=2, patience_s=1, held_bytes=ROOM_FOR_TWO)

    assert len(await ids_of(indexes)) == 101
    assert len(await ids_of(indexes)) == 101
    assert store.scrolled == [ANN]


async def test_what_is_dropped_is_read_from_the_store_again(store: Store, indexes: Indexes) -> None:
    await ids_of(indexes)
    store.rows[ANN] = {}

    indexes.drop(ANN)

    assert await ids_of(indexes) == set()


async def test_a_building_that_is_dropped_keeps_nothing_of_what_it_read(store: Store, indexes: Indexes) -> None:
    store.open.clear()
    with pytest.raises(IndexNotReadyError):
        await indexes.of(ANN)

    indexes.drop(ANN)
    store.rows[ANN] = {}
    store.open.set()

    assert await ids_of(indexes) == set()
