"""The rows of one user in the store. Every read and write names the scope; a row of another's is never seen.

Nothing else asks the store, so that a row that changed can be dropped from what is kept in memory of it (`listen`).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from qdrant_client import QdrantClient, models

from memory.locks import to_the_end
from memory.records import Floats, NewRow, Row, WholeRow
from pilothouse import log

PAGE = 500
KEYWORDS = "bm25"  # how Mem0 calls that vector; the other has no name
Changed = Callable[[str, Sequence[str]], None]


class Rows:
    """Mem0's Qdrant store, asked for one scope at a time."""

    def __init__(self, mem0: Any, client: QdrantClient, *, collection: str) -> None:
        self._mem0 = mem0
        self._client = client
        self.collection = collection
        self._listeners: list[Changed] = []

    def listen(self, changed: Changed) -> None:
        """Call this with the scope and the ids after each change of its rows, before whoever changed them goes on."""
        self._listeners.append(changed)

    async def get(self, scope: str, row_id: str) -> Row | None:
        """The row of this id, if it is this user's. An id that is no UUID names no row."""
        found = await self._call(self._client.retrieve, ids=[row_id], with_payload=True)
        return next(iter(self._own(scope, found)), None)

    async def some(self, scope: str, ids: Sequence[str]) -> dict[str, Row]:
        """Those of these rows that exist and are this user's."""
        found = await self._call(self._client.retrieve, ids=list(ids), with_payload=True)
        return {row.id: row for row in self._own(scope, found)}

    async def some_whole(self, scope: str, ids: Sequence[str]) -> list[WholeRow]:
        """The same with their vectors."""

        def read() -> list[WholeRow]:
            named: list[Any] = list(ids)
            found = self._client.retrieve(self.collection, named, with_payload=True, with_vectors=True)
            return self._whole(scope, found)

        return await asyncio.to_thread(read)

    async def pages_whole(self, scope: str) -> AsyncIterator[list[WholeRow]]:
        """Every row of this user with its vectors."""
        offset: Any = None

        def read() -> tuple[list[WholeRow], Any]:
            found, following = self._client.scroll(
                self.collection, scroll_filter=_of(scope, {}), limit=PAGE, offset=offset, with_vectors=True
            )
            return self._whole(scope, found), following

        while True:
            rows, offset = await asyncio.to_thread(read)
            yield rows
            if offset is None:
                return

    async def first(self, scope: str, **fields: str) -> Row | None:
        """Any row with these values."""
        rows, _ = await self.page(scope, fields, limit=1)
        return rows[0] if rows else None

    async def page(
        self, scope: str, fields: Mapping[str, str], *, limit: int, offset: str | None = None
    ) -> tuple[list[Row], str | None]:
        """Rows with these values in the order of their ids, and where the next page starts."""
        found, following = await self._call(
            self._client.scroll, scroll_filter=_of(scope, fields), limit=limit, offset=offset
        )
        return self._own(scope, found), following

    async def all(self, scope: str, **fields: str) -> AsyncIterator[Row]:
        """Every row with these values, page by page."""
        offset: str | None = None
        while True:
            rows, offset = await self.page(scope, fields, limit=PAGE, offset=offset)
            for row in rows:
                yield row
            if offset is None:
                return

    async def near(self, scope: str, vector: Sequence[float], *, limit: int, **fields: str) -> list[tuple[Row, float]]:
        """The rows with these values that are nearest in meaning, and their cosines."""
        found = await self._call(
            self._client.query_points, query=list(vector), query_filter=_of(scope, fields), limit=limit
        )
        scores = {str(each.id): each.score for each in found.points}
        return [(row, scores[row.id]) for row in self._own(scope, found.points)]

    async def anyones(self, *, limit: int, **fields: str) -> list[Row]:
        """Rows of whoever: for work in the background, never for an answer."""
        found, _ = await self._call(self._client.scroll, scroll_filter=_with(fields), limit=limit)
        return [Row(str(each.id), each.payload) for each in found]

    async def everyones(self) -> AsyncIterator[Row]:
        """Every row of everybody, for counting."""
        offset: Any = None
        while True:
            found, offset = await self._call(self._client.scroll, limit=PAGE, offset=offset)
            for each in found:
                yield Row(str(each.id), each.payload)
            if offset is None:
                return

    async def pages_of_all(self, *, limit: int) -> AsyncIterator[list[Row]]:
        """Rows of everybody: for work in the background, never for an answer."""
        offset: Any = None
        while True:
            found, offset = await self._call(self._client.scroll, limit=limit, offset=offset)
            yield [Row(str(each.id), each.payload) for each in found]
            if offset is None:
                return

    async def which(self, ids: Iterable[str]) -> frozenset[str]:
        """Those ids that are taken, whoever's row it is."""
        found = await self._call(self._client.retrieve, ids=list(ids), with_payload=False)
        return frozenset(str(each.id) for each in found)

    async def put(self, scope: str, rows: Sequence[NewRow]) -> None:
        """Insert or replace all or none; a crash loses none of them once this returns."""
        if any(row.payload["user_id"] != scope for row in rows):
            raise ValueError("a row names another user")
        vectors, payloads, ids = [row.vector for row in rows], [row.payload for row in rows], [row.id for row in rows]
        await self._change(scope, ids, lambda: self._mem0.vector_store.insert(vectors, payloads, ids))

    async def set(self, row: Row, fields: Mapping[str, Any]) -> None:
        """Set these fields of a row that was read before; its other fields stay."""
        points: Any = [row.id]
        await self._change(
            row.payload["user_id"],
            [row.id],
            lambda: self._client.set_payload(collection_name=self.collection, payload=dict(fields), points=points),
        )

    async def delete(self, scope: str, rows: Sequence[Row]) -> None:
        """Remove rows that were read before."""
        ids: list[Any] = [row.id for row in rows]
        named = models.PointIdsList(points=ids)
        await self._change(scope, ids, lambda: self._client.delete(self.collection, points_selector=named))

    async def count(self, scope: str | None = None, **fields: str) -> int:
        """How many rows with these values there are: this user's, or everybody's."""
        of = _of(scope, fields) if scope else _with(fields)
        found = await self._call(self._client.count, count_filter=of)
        return found.count

    async def held(self, texts: Collection[str]) -> list[str]:
        """Those of the texts that lie in a memory of anybody's: only to tell a trace from words that are kept."""
        held, offset = list[str](), None
        while texts:
            found, offset = await self._call(self._client.scroll, limit=PAGE, offset=offset)
            words = [str(each.payload.get("data", "")) for each in found]
            held += [text for text in texts if any(text in each for each in words)]
            if offset is None:
                break
        return held

    async def _call(self, method: Callable[..., Any], **arguments: Any) -> Any:
        return await asyncio.to_thread(method, collection_name=self.collection, **arguments)

    async def _change(self, scope: str, ids: Sequence[str], change: Callable[[], object]) -> None:
        """Told of by its own thread, and waited for even by who is cancelled: their lock must not open before."""
        loop = asyncio.get_running_loop()

        def change_and_tell() -> None:
            try:
                change()
            finally:
                loop.call_soon_threadsafe(self._tell, scope, ids)

        await to_the_end(change_and_tell)

    def _own(self, scope: str, found: Sequence[Any]) -> list[Row]:
        return [Row(str(each.id), each.payload) for each in self._of_user(scope, found)]

    def _whole(self, scope: str, found: Sequence[Any]) -> list[WholeRow]:
        return [WholeRow(str(each.id), each.payload, *_vectors(each.vector)) for each in self._of_user(scope, found)]

    def _of_user(self, scope: str, found: Sequence[Any]) -> list[Any]:
        own = [each for each in found if each.payload.get("user_id") == scope]
        if len(own) != len(found):
            log.get_logger().warning("memory.another_users_row", rows=len(found) - len(own))
        return own

    def _tell(self, scope: str, ids: Sequence[str]) -> None:
        for changed in self._listeners:
            changed(scope, ids)


def _vectors(given: Any) -> tuple[Floats, dict[int, float]]:
    """Meaning and keywords; a text of stop words alone has none of these."""
    named = cast("Mapping[str, Any]", given if isinstance(given, dict) else {"": given})
    keywords = named.get(KEYWORDS)
    meaning = np.array(named[""], np.float32)
    return meaning, dict(zip(keywords.indices, keywords.values, strict=True)) if keywords else {}


def _of(scope: str, fields: Mapping[str, str]) -> models.Filter:
    return _with({"user_id": scope, **fields})


def _with(fields: Mapping[str, str]) -> models.Filter:
    """Values only: what a caller sends is never a key, an operator or a wildcard here."""
    conditions: Any = [
        models.FieldCondition(key=key, match=models.MatchValue(value=value)) for key, value in fields.items()
    ]
    return models.Filter(must=conditions)
