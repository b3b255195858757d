"""The measurements of one store at one size: filled in one process, opened and asked in another.

Run by `children.py`: `python -m benchmarks.memory.speed JOB`, where JOB is JSON; prints a line of JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.memory.invented import Crowd, Instant
from benchmarks.memory.jobs import OURS, FillJob, Job, Spread
from benchmarks.memory.stores import Ours, StockMem0, Store, Told
from memory.embedder import MiniLm

T = TypeVar("T")

LIMIT = 8
AT_ONCE = 8
BEGAN_AT = datetime(2026, 1, 1, tzinfo=UTC)


def open_store(peer: str, folder: Path, *, embedder: Any) -> Store:
    """By its name."""
    return Ours(folder, embedder) if peer == OURS else StockMem0(folder, embedder)


async def fill(job: FillJob) -> dict[str, Any]:
    """All memories; how many a second. Not longer than it may take."""
    store, crowd = open_store(job.peer, job.folder, embedder=Instant()), Crowd(job.memories, job.users)
    started_s = time.monotonic()
    for user in range(job.users):
        told = [
            Told(str(number), text, BEGAN_AT + timedelta(hours=number))
            for number, text in enumerate(crowd.texts_of(user))
        ]
        await store.fill(_scope(user), told)
        if time.monotonic() - started_s > job.limit_s:
            return {"filled_per_s": None, "filled": (user + 1) * len(told)}
    took_s = time.monotonic() - started_s
    store.close()
    return {"filled_per_s": job.memories / took_s}


async def measure(job: Job) -> dict[str, Any]:
    """Opened again: searches, adds, memory."""
    crowd = Crowd(job.memories, job.users)
    embedder = MiniLm.load() if job.real_embedder else Instant()
    open_store(job.peer, job.folder / "warm-up", embedder=embedder).close()  # what is imported once is not opening
    questions = crowd.questions(job.searches, seed=1)
    started_s = time.monotonic()
    store = open_store(job.peer, job.folder, embedder=embedder)
    await _search(store, *questions[0])
    opened_s = time.monotonic() - started_s
    figures: dict[str, Any] = {"opened_s": opened_s}
    fresh = list({user: (user, question) for user, question in questions[1:]}.values())
    figures["first"] = Spread.of(await _timed(lambda each: _search(store, *each), fresh)).model_dump()
    again = [
        (user, question) for (user, _), (_, question) in zip(fresh, crowd.questions(len(fresh), seed=2), strict=True)
    ]
    figures["search"] = Spread.of(await _timed(lambda each: _search(store, *each), again * job.rounds)).model_dump()
    figures["searches_per_s"] = await _rate(lambda each: _search(store, *each), again * job.rounds)
    if job.real_embedder:
        figures["embedding"] = Spread.of(await _timed(lambda each: _embed(embedder, each[1]), again)).model_dump()
    texts = [
        (number % job.users, f"added {'with' if job.real_embedder else 'without'} a model, number {number}")
        for number in range(job.adds)
    ]
    figures["add"] = Spread.of(await _timed(lambda each: store.add(_scope(each[0]), each[1]), texts)).model_dump()
    figures["resident_mb"], figures["proportional_mb"] = _memory_mb("Rss"), _memory_mb("Pss")
    store.close()
    return figures


async def _search(store: Store, user: int, question: str) -> None:
    found = await store.search(_scope(user), question, limit=LIMIT)
    if not found:
        raise RuntimeError(f"nothing was found for user {user}: {question}")


async def _embed(embedder: Any, question: str) -> None:
    await asyncio.to_thread(embedder.embed, [question])


async def _timed(work: Callable[[T], Awaitable[None]], each: Sequence[T]) -> list[float]:
    """Milliseconds of each, one after the other."""
    took_ms: list[float] = []
    for one in each:
        started_s = time.perf_counter()
        await work(one)
        took_ms.append((time.perf_counter() - started_s) * 1000)
    return took_ms


async def _rate(work: Callable[[T], Awaitable[None]], each: Sequence[T]) -> float:
    """So many a second, some at once."""
    waiting = iter(each)

    async def take() -> None:
        for one in waiting:
            await work(one)

    started_s = time.perf_counter()
    await asyncio.gather(*(take() for _ in range(AT_ONCE)))
    return len(each) / (time.perf_counter() - started_s)


def _memory_mb(kind: str) -> float:
    """Of this process: resident, or with what it shares counted in part."""
    rows = [row.split() for row in Path("/proc/self/smaps_rollup").read_text().splitlines()]
    return next(int(row[1]) for row in rows if row[0] == f"{kind}:") / 1024


def _scope(user: int) -> str:
    return f"u_{user:032d}"


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    work = fill(FillJob(**given)) if "limit_s" in given else measure(Job(**given))
    print(json.dumps(asyncio.run(work)))
