"""What the routes call: scope, deadline, breaker and queue around the engine, which may not be open yet."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from memory.breaker import Breaker
from memory.extraction import Extraction
from memory.forgetting import Forgetting
from memory.gate_counts import GateCounts, flush_at_last, flush_regularly
from memory.indexes import IndexNotReadyError
from memory.loading import LoadEmbedder, load_engine
from memory.passages import ForgottenError, Passages
from memory.queue import Queue, QueuedTurn
from memory.records import Memory, Note, Saved, Turn
from memory.reembedding import Reembedder
from memory.schemas import List, Listed, Named, NewMemory, NewTurn, Search
from memory.scope import key_digest, scope_of
from pilothouse import clock, log
from pilothouse.clock import Clock
from pilothouse.errors import UnavailableError
from pilothouse.settings import MemorySettings

if TYPE_CHECKING:
    from memory.engine import Counts, Engine

RELOAD_S = 5.0
FLUSH_S = 2.0  # what a power cut may cost; a crash of ours costs nothing
WORKERS = 2
QUERY_CHARACTERS = 2000
HEALTH_S = 0.5


@dataclass
class MemoryService:
    """Search and save need no PostgreSQL; turns need no engine. Each works while the other is down."""

    settings: MemorySettings
    queue: Queue
    gate_counts: GateCounts
    load_embedder: LoadEmbedder | None
    now: Clock = clock.now
    breaker: Breaker = field(default_factory=Breaker)
    engine: "Engine | None" = None
    load_error: str | None = None

    def __post_init__(self) -> None:
        self.extraction = Extraction(self.queue, self._extract)
        self.passages = Passages()
        self.reembedder = Reembedder(self.settings.data, self.passages, self.opened)
        self.forgetting = Forgetting(self.settings.data, self.queue, self.passages, self.opened)

    async def run(self) -> None:
        """Open the engine, then work off turns and flush, until cancelled."""
        while self.engine is None:
            await self._load()
        from memory.gate_checking import Checking  # noqa: PLC0415 -- slow to import: after the engine did

        checking = Checking(self.engine, self.engine.model)
        await asyncio.gather(
            self._flush_regularly(),
            self.forgetting.resume_files(),
            self._work_off_turns(),
            self.reembedder.run(),
            checking.run(),
            flush_regularly(self.engine.counters, self.gate_counts),
        )

    async def search(self, asked: Search) -> tuple[list[Memory], bool]:
        """What touches the question, and whether it could not be looked up. Never later than the deadline."""
        if self.engine is None or self.breaker.is_open:
            return [], True
        scope = self.scope(asked.user)
        try:
            async with asyncio.timeout(self.settings.search_deadline_s):
                query = asked.query[:QUERY_CHARACTERS]
                found = await self.engine.search(scope, query, asked.selection(), limit=asked.limit)
        except IndexNotReadyError:  # much was told: no failure, and nobody else is kept from searching
            return [], True
        except Exception as error:  # noqa: BLE001 -- the engine raises bare Exception; memory must never fail a chat
            self.breaker.failed()
            log.get_logger().warning("search.failed", error=type(error).__name__)
            return [], True
        self.breaker.succeeded()
        return found, False

    async def save(self, new: NewMemory) -> Saved:
        """Keep a text; a crash does not lose it once this returns."""
        note = Note(
            text=new.text,
            key=key_digest(new.key),
            source=new.source,
            at=self.now(),
            tainted=new.tainted,
            kind=new.kind,
            expires_at=new.expires_at,
            subject=new.subject,
        )
        scope = self.scope(new.user)
        async with self.passages.passing(scope):
            return await self.opened().save(scope, note)

    async def page(self, asked: List) -> Listed:
        """A page of memories."""
        selection = asked.selection(state=asked.state)
        memories, following = await self.opened().page(
            self.scope(asked.user), selection, after=asked.after, limit=asked.limit
        )
        return Listed(memories=memories, next=following)

    async def admit(self, named: Named) -> Memory:
        """Let a quarantined memory be told to models."""
        return await self.opened().admit(self.scope(named.user), str(named.id))

    async def queue_turn(self, new: NewTurn) -> None:
        """Keep a turn for extraction; in PostgreSQL when it returns."""
        scope, key = self.scope(new.user), key_digest(new.key)
        async with self.passages.passing(scope):
            await self.queue.put(QueuedTurn(scope, key, new.run_id, new.thread_id, new.messages, new.recalled))
        self.extraction.wake()

    async def health(self) -> tuple[bool, dict[str, Any]]:
        """Asked of the parts themselves, not remembered."""
        if self.engine is None:
            return False, {"status": "down" if self.load_error else "starting", "last_error": self.load_error}
        memories, queue = await asyncio.gather(self._count(), self.queue.length())
        status = "ok" if memories is not None and queue and not self.breaker.is_open else "degraded"
        return status == "ok", {
            "status": status,
            "collection": self.engine.collection,
            "memories": memories and memories.kept,
            "of_another_embedder": memories and memories.of_another_embedder,
            "queue": queue,
            "last_error": queue.last_error if queue else "PostgreSQL cannot be reached: turns are refused",
        }

    async def close(self) -> None:
        """Close what is open."""
        if self.engine:
            await flush_at_last(self.engine.counters, self.gate_counts)
            self.engine.close()

    async def _work_off_turns(self) -> None:
        await self.forgetting.resume_turns()
        await asyncio.gather(*(self.extraction.run() for _ in range(WORKERS)))

    async def _flush_regularly(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            try:
                await self.opened().flush()
            except Exception as error:  # noqa: BLE001 -- the run loop: a full disk may have room again
                log.get_logger().error("store.not_flushed", error=f"{type(error).__name__}: {error}")

    async def _load(self) -> None:
        started_s = time.monotonic()
        try:
            engine = await asyncio.to_thread(load_engine, self.settings, load_embedder=self.load_embedder, now=self.now)
            await self.forgetting.resume_rows(engine)
            self.engine = engine
        except Exception as error:  # noqa: BLE001 -- the run loop: /health tells, and a Qdrant that was down may come up
            self.load_error = f"{type(error).__name__}: {error}"
            log.get_logger().error("engine.not_opened", error=self.load_error)
            await asyncio.sleep(RELOAD_S)
            return
        log.get_logger().info("engine.opened", seconds=round(time.monotonic() - started_s, 2))

    async def _count(self) -> "Counts | None":
        try:
            async with asyncio.timeout(HEALTH_S):
                return await self.opened().count()
        except Exception as error:  # noqa: BLE001 -- the engine raises bare Exception; a store that fails is a finding
            log.get_logger().warning("store.not_counted", error=type(error).__name__)
            return None

    async def _extract(self, turn: Turn) -> None:
        with suppress(ForgottenError):  # then it is done with, as if nothing was found
            async with self.passages.passing(turn.scope, turn) as passage:
                await passage.run(self.opened().extract(turn))

    def opened(self) -> "Engine":
        """The engine, or an error that says why there is none yet."""
        if self.engine is None:
            if self.load_error:
                raise UnavailableError(f"memory could not start: {self.load_error}", hint="bin/pilothouse logs memory")
            raise UnavailableError("memory is starting", hint="try again in a few seconds")
        return self.engine

    def scope(self, user: str) -> str:
        """Under which id this user's memories lie."""
        return scope_of(user, secret=self.settings.scope_secret)
