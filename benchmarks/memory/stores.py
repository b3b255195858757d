"""What is compared: our engine, and Mem0 as it comes with qdrant-client's local mode. Both over the same texts."""

import asyncio
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from memory.embedder import Embedder
from memory.engine import Engine
from memory.loading import load_engine
from memory.payload import note_payload
from memory.records import NewRow, Note, Source
from memory.row_ids import row_id
from pilothouse.clock import now
from pilothouse.keys import hash_key
from pilothouse.settings import MemorySettings

SECRET = "only-for-a-benchmark-0123456789abcdef"  # noqa: S105 -- guards nothing
NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Told:
    """A text and when it was said."""

    id: str
    text: str
    at: datetime


class Store(Protocol):
    """Keeps texts of users, and finds them."""

    async def fill(self, scope: str, told: Sequence[Told]) -> None:
        """Keep them all at once."""
        ...

    async def add(self, scope: str, text: str) -> None:
        """Keep one."""
        ...

    async def search(self, scope: str, question: str, *, limit: int) -> list[str]:
        """The ids of what is found, best first."""
        ...

    def close(self) -> None:
        """All of it is on the disk."""
        ...


class Ours:
    """The product's engine, embedded store and recall; without HTTP."""

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        settings = MemorySettings(
            key_secret=SECRET,
            callers={"benchmark": hash_key(SECRET, secret=SECRET)},
            database_url="postgresql://nobody@127.0.0.1:9/none",
            data=folder,
            scope_secret=SECRET,
            proxy_url=NOWHERE,
            proxy_key="none",
            search_deadline_s=60,  # measured, not cut
        )
        self._embedder = embedder
        self.engine: Engine = load_engine(settings, load_embedder=lambda: embedder)

    async def fill(self, scope: str, told: Sequence[Told]) -> None:
        """Through the rows, as extraction and import store theirs."""
        vectors = self._embedder.embed([each.text for each in told])
        notes = [Note(each.text, each.id, Source(kind="person"), at=each.at, tainted=False) for each in told]
        rows = [
            NewRow(row_id(scope, each.id, each.text), note_payload(scope, note), vector)
            for each, note, vector in zip(told, notes, vectors, strict=True)
        ]
        await self.engine.rows.put(scope, rows)

    async def add(self, scope: str, text: str) -> None:
        """As /memories does."""
        note = Note(text, uuid.uuid4().hex, Source(kind="person"), at=now(), tainted=False)
        await self.engine.save(scope, note)

    async def search(self, scope: str, question: str, *, limit: int) -> list[str]:
        """As /search does."""
        return [memory.id for memory in await self.engine.search(scope, question, limit=limit)]

    def close(self) -> None:
        """Store and history."""
        self.engine.close()


class StockMem0:
    """Mem0's own add and search on a store that it opens itself."""

    def __init__(self, folder: Path, embedder: Embedder, *, encoder: Any = None) -> None:
        os.environ["MEM0_TELEMETRY"], os.environ["MEM0_DIR"] = "False", str(folder / "mem0")
        from benchmarks.memory.stock import open_mem0  # noqa: PLC0415 -- Mem0 reads these when it is imported

        self._mem0 = open_mem0(folder, embedder)
        if encoder:
            self._mem0.vector_store._bm25_encoder = encoder  # noqa: SLF001 -- it would fetch one over the network

    async def fill(self, scope: str, told: Sequence[Told]) -> None:
        """Through its store, as its `add` does in the end; ids are ours."""
        vectors = self._mem0.embedding_model.embed_batch([each.text for each in told])
        payloads = [{"data": each.text, "user_id": scope, "created_at": each.at.isoformat()} for each in told]
        ids = [row_id(scope, each.id, each.text) for each in told]
        await asyncio.to_thread(self._mem0.vector_store.insert, vectors, payloads, ids)

    async def add(self, scope: str, text: str) -> None:
        """Without its model."""
        await asyncio.to_thread(self._mem0.add, text, user_id=scope, infer=False)

    async def search(self, scope: str, question: str, *, limit: int) -> list[str]:
        """Its documented call."""
        found = await asyncio.to_thread(self._mem0.search, question, filters={"user_id": scope}, top_k=limit)
        return [each["id"] for each in found["results"]]

    def close(self) -> None:
        """Its local store writes as it goes."""
        self._mem0.vector_store.client.close()
