"""Find what touches a question among all that one user told us. Mem0's search only orders the nearest by meaning."""

import asyncio

import numpy as np

from memory.bm25 import EdgeBm25
from memory.embedding import Embedding
from memory.indexes import Indexes
from memory.names import words_in
from memory.payload import is_served
from memory.ranking import Question, best, nearest
from memory.records import Row
from memory.rows import Rows
from memory.selection import Selection
from pilothouse.clock import Clock


class Recall:
    """Ranks in memory; what is found is read from the store again, which alone says what is so."""

    def __init__(self, rows: Rows, embedding: Embedding, indexes: Indexes, *, now: Clock) -> None:
        self._rows = rows
        self._embedding = embedding
        self._keywords = EdgeBm25()
        self._now = now
        self.indexes = indexes
        rows.listen(indexes.note)

    async def search(self, scope: str, query: str, asked: Selection, *, limit: int) -> list[tuple[Row, float]]:
        """What is served and asked for, best first, with its score."""
        index = await self.indexes.of(scope)
        if not index.entries:  # most of a search is making a vector: not for who told us nothing
            return []
        question = await self._question(query)
        return await self._served(scope, await asyncio.to_thread(best, index, question, asked, limit=limit))

    async def similar(self, scope: str, vector: list[float], *, limit: int) -> list[tuple[Row, float]]:
        """What is served and means nearly the same, nearest first, with its cosine."""
        index = await self.indexes.of(scope)
        return await self._served(scope, nearest(index, np.array(vector, np.float32), limit=limit))

    async def _question(self, query: str) -> Question:
        vector = np.array(await self._embedding.of_question(query), np.float32)
        return Question(vector, self._keywords.terms(query), words_in(query), self._now().timestamp())

    async def _served(self, scope: str, found: list[tuple[str, float]]) -> list[tuple[Row, float]]:
        rows = await self._rows.some(scope, [row_id for row_id, _ in found]) if found else {}
        at = self._now()
        known = [(rows[row_id], score) for row_id, score in found if row_id in rows]
        return [(row, score) for row, score in known if is_served(row.payload, at=at)]
