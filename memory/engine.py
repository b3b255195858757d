"""Mem0 over Qdrant, for one user at a time. Callers name a scope; filters, dates and metadata are made here."""

import asyncio
from typing import Any
from uuid import UUID, uuid5

from qdrant_client import QdrantClient

from memory.edge import EdgeClient
from memory.locks import StripedLocks
from memory.payload import KEYS, LOOKED_UP, digest_of, made_by, note_payload, said_again, to_memory, turn_metadata
from memory.quarantine import blind_to_tainted, without_tainted_copies
from memory.records import Memory, Note, Saved, Turn
from pilothouse import log

IDS = UUID("6f2f7f0e-6a43-4b52-9d55-3f0f3a1c8a11")  # the namespace of our ids
KEYWORD: Any = "keyword"  # what Mem0 passes too; the client's annotations know only its enum


class Engine:
    """What one user has told us."""

    def __init__(self, mem0: Any, client: QdrantClient, *, collection: str) -> None:
        self._mem0 = mem0
        self._extractor = blind_to_tainted(mem0)
        self._client = client
        self._saving = StripedLocks()
        self._extracting = StripedLocks()
        self.collection = collection
        for field in LOOKED_UP:
            client.create_payload_index(collection_name=self.collection, field_name=field, field_schema=KEYWORD)

    async def search(self, scope: str, query: str, *, limit: int) -> list[Memory]:
        """What this user told us that touches the question, best first."""
        if await self._first(scope) is None:  # most of a search is making vectors: not for who told us nothing
            return []
        found = await self._mem0.search(query, top_k=limit, filters={"user_id": scope})
        own = [each for each in found["results"] if each.get("user_id") == scope]
        if len(own) != len(found["results"]):
            log.get_logger().error("memory.leak_stopped", rows=len(found["results"]) - len(own))
        return without_tainted_copies([to_memory(each) for each in own])

    async def save(self, scope: str, note: Note) -> Saved:
        """Keep these words. The same key, or the same words, give the id they already have."""
        async with self._saving.of(scope):
            known = await self._first(scope, **{KEYS: note.key}) or await self._first(scope, hash=digest_of(note.text))
            if known:
                return await self._recognise(known, note)
            return await self._insert(scope, note)

    async def extract(self, turn: Turn) -> None:
        """Let the model find what is worth keeping; a turn whose memories are stored is not extracted again."""
        async with self._extracting.of(turn.scope):
            if await self._first(turn.scope, turn_id=str(turn.id)):
                return
            messages = [message.model_dump() for message in turn.messages]
            await self._extractor.add(messages, user_id=turn.scope, metadata=turn_metadata(turn))

    async def count(self) -> int:
        """How many memories there are, of all users."""
        found = await asyncio.to_thread(self._client.count, collection_name=self.collection)
        return found.count

    async def flush(self) -> None:
        """Make what is written outlast a power cut; a Qdrant server sees to that itself."""
        if isinstance(self._client, EdgeClient):
            await asyncio.to_thread(self._client.flush)

    def close(self) -> None:
        """Close store and history."""
        self._client.close()
        self._mem0.close()

    async def _first(self, scope: str, **values: str) -> Any:
        """A value is never a caller's own words: Mem0 reads `*` as anything."""
        filters = {"user_id": scope, **values}
        rows, _ = await asyncio.to_thread(self._mem0.vector_store.list, filters=filters, top_k=1)
        return rows[0] if rows else None

    async def _recognise(self, known: Any, note: Note) -> Saved:
        if note.key not in known.payload.get(KEYS, []):
            changed = said_again(known.payload, note)
            await asyncio.to_thread(self._mem0.vector_store.update, known.id, payload=changed)
        duplicate = not made_by(known.payload, note.key)
        return Saved(str(known.id), known.payload["data"], created=False, duplicate=duplicate)

    async def _insert(self, scope: str, note: Note) -> Saved:
        """The id follows from user and words: whatever a crash leaves behind, repeating the call writes the same row.

        Mem0's own `add` would draw a random id, so this uses its parts: embedder, store, history.
        """
        memory_id = str(uuid5(IDS, f"{scope}\n{note.text}"))
        payload = note_payload(scope, note)
        vector = await asyncio.to_thread(self._mem0.embedding_model.embed, note.text, "add")
        await asyncio.to_thread(self._mem0.vector_store.insert, [vector], [payload], [memory_id])
        await asyncio.to_thread(
            self._mem0.db.add_history, memory_id, None, note.text, "ADD", created_at=payload["created_at"], role="user"
        )
        return Saved(memory_id, note.text, created=True, duplicate=False)
