"""Asks questions over HTTP and times the answers."""

import asyncio
import time
from dataclasses import dataclass, field

import aiohttp

FIRST_WORD = (b"event: message.delta", b'"content":"')


@dataclass
class Timings:
    """Seconds from question to first word and to the end, one entry a turn."""

    total_s: list[float] = field(default_factory=list[float])
    first_word_s: list[float] = field(default_factory=list[float])
    failed: int = 0


@dataclass(frozen=True)
class Target:
    """Where turns are asked for, and the bytes that mark a good end."""

    url: str
    key: str
    end: bytes
    thread_id: str | None = None  # none: each turn has a new thread


async def ask(session: aiohttp.ClientSession, target: Target, message: str, timings: Timings) -> None:
    """One turn."""
    headers = {"Authorization": f"Bearer {target.key}", "Accept": "text/event-stream"}
    body = {"message": message} | ({"thread_id": target.thread_id} if target.thread_id else {})
    started, first, whole = time.perf_counter(), 0.0, b""
    async with session.post(target.url, json=body, headers=headers) as response:
        async for chunk in response.content.iter_any():
            whole += chunk
            if not first and any(mark in whole for mark in FIRST_WORD):
                first = time.perf_counter() - started
    if target.end not in whole:
        timings.failed += 1
        return
    timings.total_s.append(time.perf_counter() - started)
    timings.first_word_s.append(first)


async def run(target: Target, message: str, *, turns: int, at_once: int) -> tuple[Timings, float]:
    """`turns` turns, `at_once` at a time; also the seconds all of it took."""
    timings, waiting = Timings(), iter(range(turns))

    async def client(session: aiohttp.ClientSession) -> None:
        for _ in waiting:
            await ask(session, target, message, timings)

    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
        started = time.perf_counter()
        await asyncio.gather(*(client(session) for _ in range(at_once)))
        return timings, time.perf_counter() - started
