"""After another embedder was chosen: give the memories of the one before new vectors, and drop the old ones at the end.

Ids stay, and what is there is not copied again, so a crash costs no more than the batch it interrupts. A file says that
a person asked for it: the next start goes on.
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from memory.folder import sync
from memory.passages import Passages
from memory.records import NewRow, Row
from memory.schemas import Reembedding
from pilothouse import log

if TYPE_CHECKING:
    from memory.engine import Engine
    from memory.rows import Rows

BATCH = 32
RETRY_S = 10.0


class Reembedder:
    """One at a time, on nobody's request path; recall works on what is there already."""

    def __init__(self, data: Path, passages: Passages, opened: "Callable[[], Engine]") -> None:
        self._asked = data / "reembedding"
        self._passages = passages
        self._opened = opened
        self._news = asyncio.Event()
        self._last_error: str | None = None

    async def start(self) -> Reembedding:
        """Begin, unless there is nothing to do, and tell how far it is."""
        told = await self.told()
        if told.state == "offered":
            self._asked.touch()
            sync(self._asked.parent)
            self._news.set()
            return told.model_copy(update={"state": "running"})
        return told

    async def told(self) -> Reembedding:
        """Which memories have vectors of another embedder, and what is done about it."""
        engine = self._opened()
        counts = {rows.collection: await rows.count() for rows in engine.other_rows()}
        left = {name: count for name, count in counts.items() if count}
        if not left:
            return Reembedding(**{"from": None}, done=0, of=0, state="nothing to do", last_error=None)
        done = sum([await self._copied(rows) for rows in engine.other_rows()])
        state = "running" if self._asked.exists() else "offered"
        name, of = next(iter(left)), sum(left.values())
        return Reembedding(**{"from": name}, done=done, of=of, state=state, last_error=self._last_error)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._news.clear()
            if not self._asked.exists():
                await self._news.wait()
            try:
                await self._copy_all()
                self._asked.unlink(missing_ok=True)
                self._last_error = None
            except Exception as error:  # noqa: BLE001 -- the run loop: the proxy and the store raise what they like
                self._last_error = type(error).__name__
                log.get_logger().warning("memory.not_embedded_again", error=self._last_error)
                await asyncio.sleep(RETRY_S)

    async def _copy_all(self) -> None:
        engine = self._opened()
        for old in engine.other_rows():
            while await self._copy_missing(engine, old):
                """Again, until a whole pass finds nothing that is missing."""
            await engine.drop(old.collection)
            log.get_logger().info("memory.embedded_again", collection=old.collection)

    async def _copy_missing(self, engine: "Engine", old: "Rows") -> int:
        copied = 0
        async for rows in old.pages_of_all(limit=BATCH):
            there = await engine.rows.which(row.id for row in rows)
            missing = sorted((row for row in rows if row.id not in there), key=_owner)
            if missing:
                vectors = await asyncio.to_thread(engine.embed_all, [row.payload["data"] for row in missing])
                new = [NewRow(row.id, row.payload, vector) for row, vector in zip(missing, vectors, strict=True)]
                for scope, own in groupby(new, _owner):
                    await self._put(engine, old, scope, list(own))
            copied += len(missing)
        return copied

    async def _put(self, engine: "Engine", old: "Rows", scope: str, rows: Sequence[NewRow]) -> None:
        """What was forgotten since it was read is not brought back."""
        async with self._passages.passing(scope), engine.writing.of(scope):
            live = await old.some(scope, [row.id for row in rows])
            if kept := [row for row in rows if row.id in live]:
                await engine.rows.put(scope, kept)

    async def _copied(self, old: "Rows") -> int:
        copied = 0
        async for rows in old.pages_of_all(limit=1000):
            copied += len(await self._opened().rows.which(row.id for row in rows))
        return copied


def _owner(row: Row) -> str:
    return row.payload["user_id"]
