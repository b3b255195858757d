"""Forget memories, or a user, so that no trace is left where we can reach; and look whether that is so."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from memory.compactor import Compactor
from memory.erasure import Erasure, Erasures
from memory.passages import Passages
from memory.proof import look_for
from memory.queue import Queue
from memory.records import Row
from memory.schemas import Forgotten, Proof
from pilothouse import log
from pilothouse.errors import UnavailableError

if TYPE_CHECKING:
    from memory.engine import Engine
    from memory.rows import Rows

RETRY_S = 2.0
AT_ONCE = 500
SERVERS_OWN = "the Qdrant server gives deleted bytes up when it optimizes its segments, in its own time"


@dataclass
class Forgetting:
    """In this order: turns that wait, rows, history, then the files. Each step may be repeated after a crash."""

    data: Path
    queue: Queue
    passages: Passages
    opened: "Callable[[], Engine]"
    _erasures: Erasures = field(init=False)
    _compactor: Compactor = field(init=False)

    def __post_init__(self) -> None:
        self._erasures = Erasures(self.data / "erasing")
        self._compactor = Compactor(lambda: self.opened().compact())

    async def forget(self, scope: str, ids: Sequence[str] | None) -> Forgotten:
        """These memories of the user, or (None) everything; nothing while the queue cannot be reached."""
        engine = self.opened()
        erasure = self._erasures.begin(Erasure(scope, ids, await _origins(engine, scope, ids)))
        if ids is None:
            engine.counters.forget(scope)
        async with self.passages.closed(erasure):
            erasure = await self._forget_turns_or_nothing(erasure)
            found, words = await _forget_rows(engine, erasure)
            erasure = self._erasures.note(replace(erasure, rows_gone=True))
        if found or len(self._erasures.unfinished()) > 1:  # also what another request deleted must be gone by then
            await self._compactor.compact()
        self._erasures.end(erasure)
        log.get_logger().info("memory.forgotten", memories=found, everything=ids is None)
        return Forgotten(
            forgotten=found,
            compacted=engine.is_embedded,
            reason=None if engine.is_embedded else SERVERS_OWN,
            proof=await self._proof(engine, words),
        )

    async def resume_rows(self, engine: "Engine") -> None:
        """What a crash left, before anybody can ask for it."""
        for erasure in self._erasures.unfinished():
            if not erasure.rows_gone:
                await _forget_rows(engine, erasure)
                self._erasures.note(replace(erasure, rows_gone=True))

    async def resume_turns(self) -> None:
        """What a crash left, before a turn is worked off: it waits for PostgreSQL as they do."""
        while left := [each for each in self._erasures.unfinished() if not each.turns_gone]:
            try:
                await self._forget_turns(left[0])
            except UnavailableError:
                await asyncio.sleep(RETRY_S)

    async def resume_files(self) -> None:
        """What a crash left, while others work."""
        if left := self._erasures.unfinished():
            await self._compactor.compact()
            for erasure in left:
                self._erasures.end(erasure)
            log.get_logger().info("memory.erasures_finished", erasures=len(left))

    async def _forget_turns_or_nothing(self, erasure: Erasure) -> Erasure:
        try:
            return await self._forget_turns(erasure)
        except UnavailableError:
            self._erasures.end(erasure)
            raise

    async def _forget_turns(self, erasure: Erasure) -> Erasure:
        if erasure.ids is None:
            await self.queue.forget_all(erasure.scope)
        else:
            await self.queue.forget_said(erasure.scope, erasure.origins)
        return self._erasures.note(replace(erasure, turns_gone=True))

    async def _proof(self, engine: "Engine", words: set[str]) -> Proof:
        """Words that somebody else said too, or another memory of theirs holds, are no trace of what was forgotten."""
        seen = await asyncio.to_thread(look_for, words, self.data)
        left = seen.texts - await engine.held(seen.texts) if seen.texts else seen.texts
        return Proof(files=seen.files, bytes=seen.bytes, left=len(left))


async def _origins(engine: "Engine", scope: str, ids: Sequence[str] | None) -> list[str]:
    if ids is None:
        return []
    sources = [row.payload.get("source", {}) for row in (await engine.rows.some(scope, ids)).values()]
    return [source[name] for source in sources for name in ("run_id", "turn_id") if source.get(name)]


async def _forget_rows(engine: "Engine", erasure: Erasure) -> tuple[int, set[str]]:
    """From every collection of ours, also one of another embedder. How many there were, and their words, old and new.

    History goes first: its lines name no user, so after a crash only the rows can tell which are meant.
    """
    async with engine.writing.of(erasure.scope):
        found = [(rows, await _rows_of(rows, erasure)) for rows in engine.all_rows()]
        texts = {row.id: str(row.payload.get("data", "")) for _, some in found for row in some}
        kept = {row.id async for row in engine.rows.all(erasure.scope)} - texts.keys()
        words = await engine.history.forget(erasure.scope, texts, kept=kept)
        for rows, some in found:
            for start in range(0, len(some), AT_ONCE):
                await rows.delete(erasure.scope, some[start : start + AT_ONCE])
            await _check_gone(rows, erasure)
    engine.recall.indexes.drop(erasure.scope)
    return len(texts), words


async def _rows_of(rows: "Rows", erasure: Erasure) -> list[Row]:
    if erasure.ids is None:
        return [row async for row in rows.all(erasure.scope)]
    return list((await rows.some(erasure.scope, erasure.ids)).values())


async def _check_gone(rows: "Rows", erasure: Erasure) -> None:
    if left := len(await _rows_of(rows, erasure)):
        raise RuntimeError(f"the store still holds {left} memories that it was told to delete")
