"""Mem0 over Qdrant, for one user at a time. Callers name a scope; filters, dates and metadata are made here."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qdrant_client import QdrantClient

from memory.edge import EdgeClient
from memory.embedding import Embedding
from memory.finding import find_facts
from memory.gate import Gate
from memory.gate_counters import Counters
from memory.history import History
from memory.indexes import Indexes
from memory.locks import StripedLocks
from memory.payload import LOOKED_UP, STATE, age_of, state_of, to_memory
from memory.recall import Recall
from memory.records import Memory, Note, Row, Saved, Turn
from memory.rows import Rows
from memory.selection import EVERYTHING, Selection
from pilothouse.clock import Clock
from pilothouse.errors import NotFoundError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

OURS = "memories-"
MEM0S_NOTES = "_entities"  # what it calls its second collection
KEYWORD: Any = "keyword"  # what Mem0 passes too; the client's annotations know only its enum


@dataclass(frozen=True)
class Counts:
    """`of_another_embedder` by the names of their collections."""

    kept: int
    of_another_embedder: dict[str, int]


class Engine:
    """What one user has told us."""

    def __init__(
        self,
        mem0: Any,
        client: QdrantClient,
        *,
        collection: str,
        dimension: int,
        patience_s: float,
        admit: Sequence[str],
        model: "BaseChatModel",
        now: Clock,
    ) -> None:
        self._mem0 = mem0
        self.model = model
        self._client = client
        self.now = now
        self.writing = StripedLocks()
        self._extracting = StripedLocks()
        self.collection = collection
        self.history = History(mem0)
        self.rows = Rows(mem0, client, collection=collection)
        self.embedding = Embedding(mem0.embedding_model.embed)
        self.recall = Recall(
            self.rows, self.embedding, Indexes(self.rows, dimension=dimension, patience_s=patience_s), now=now
        )
        self.counters = Counters(now=now)
        self.gate = Gate(
            self.rows, self.history, embedding=self.embedding, admit=admit, counters=self.counters, now=now
        )
        for field in LOOKED_UP:
            client.create_payload_index(collection_name=self.collection, field_name=field, field_schema=KEYWORD)

    async def search(self, scope: str, query: str, asked: Selection = EVERYTHING, *, limit: int) -> list[Memory]:
        """What this user told us that touches the question, best first; IndexNotReadyError while there is too much."""
        found = await self.recall.search(scope, query, asked, limit=limit)
        return [to_memory(row, score=score) for row, score in found]

    async def page(
        self, scope: str, asked: Selection, *, after: str | None, limit: int
    ) -> tuple[list[Memory], str | None]:
        """A page of the rows that are asked for, newest first, and where the next one starts."""
        found = [row async for row in self.rows.all(scope, **asked.fields) if asked.allows(row.payload)]
        found.sort(key=age_of, reverse=True)
        rest = [row for row in found if after is None or age_of(row) < after]
        page = rest[:limit]
        return [to_memory(row) for row in page], age_of(page[-1]) if len(rest) > limit else None

    async def save(self, scope: str, note: Note) -> Saved:
        """Keep these words, unless they are known or hold a secret."""
        async with self.writing.of(scope):
            return await self.gate.save(scope, note)

    async def extract(self, turn: Turn) -> None:
        """Let the model find what is worth keeping; a turn whose memories are stored is not extracted again."""
        async with self._extracting.of(turn.scope):
            if await self.rows.first(turn.scope, turn_id=str(turn.id)):
                return
            proposed = await find_facts(self._mem0, turn, at=self.now())
            async with self.writing.of(turn.scope):
                await self.gate.keep(turn, proposed)

    async def admit(self, scope: str, row_id: str) -> Memory:
        """Let a quarantined memory be told. It stays tainted, and so becomes every thread that is told."""
        async with self.writing.of(scope):
            row = await self.own(scope, row_id)
            if state_of(row.payload) == "quarantined":
                await self.rows.set(row, {STATE: "served"})
                words = row.payload["data"]
                await self.history.add(row.id, "ADMIT", old=words, new=words, at=self.now())
            return to_memory(await self.own(scope, row_id))

    def all_rows(self) -> list[Rows]:
        """Those of every collection of ours: of this embedder, of another, and what Mem0 may have noted beside them."""
        names = [each.name for each in self._client.get_collections().collections]
        others = [name for name in names if name.startswith(OURS) and name != self.collection]
        return [self.rows, *(Rows(self._mem0, self._client, collection=name) for name in others)]

    def other_rows(self) -> list[Rows]:
        """Memories whose vectors another embedder made."""
        return [rows for rows in self.all_rows()[1:] if not rows.collection.endswith(MEM0S_NOTES)]

    async def drop(self, collection: str) -> None:
        """Remove a collection that is not this embedder's, and what Mem0 may have noted beside it."""
        names = {each.name for each in self._client.get_collections().collections}
        for name in names & {collection, f"{collection}{MEM0S_NOTES}"} - {self.collection}:
            await asyncio.to_thread(self._client.delete_collection, name)

    def embed_all(self, texts: list[str]) -> list[list[float]]:
        """The meaning of many texts, in as few calls as the embedder allows."""
        return self._mem0.embedding_model.embed_batch(texts)

    @property
    def is_embedded(self) -> bool:
        """Whether the store's files are ours."""
        return isinstance(self._client, EdgeClient)

    async def compact(self) -> None:
        """Make our files hold what is kept, and nothing that was deleted."""
        if isinstance(self._client, EdgeClient):
            for name in [each.name for each in self._client.get_collections().collections]:
                await asyncio.to_thread(self._client.compact, name)
        await self.history.compact()

    async def held(self, texts: Collection[str]) -> set[str]:
        """Those of the texts that are part of what anybody keeps."""
        held = await self.history.held(texts)
        for rows in self.all_rows():
            held.update(await rows.held({*texts} - held))
        return held

    async def count(self) -> Counts:
        """How many memories there are, of all users; recall finds none of those that another embedder made."""
        others = {rows.collection: await rows.count() for rows in self.other_rows()}
        return Counts(await self.rows.count(), others)

    async def flush(self) -> None:
        """Make what is written outlast a power cut; a Qdrant server sees to that itself."""
        if isinstance(self._client, EdgeClient):
            await asyncio.to_thread(self._client.flush)

    def close(self) -> None:
        """Close store and history."""
        self.embedding.close()
        self._client.close()
        self._mem0.close()

    async def own(self, scope: str, row_id: str) -> Row:
        """The row of this id; another user's is as if it were not there."""
        row = await self.rows.get(scope, row_id)
        if row is None:
            raise NotFoundError("no such memory", hint="bin/pilothouse memory list")
        return row
