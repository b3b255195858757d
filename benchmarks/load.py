"""Asks questions over HTTP, times the answers, and looks whether each one is whole."""

import asyncio
import time
from collections.abc import Iterator

import aiohttp

from benchmarks.dialects import Request, Target, Turn
from benchmarks.sse import WHOLE, Event, Parser

PATIENCE_S = 60  # a turn that takes longer has failed
SHOWN = 200


async def ask(session: aiohttp.ClientSession, target: Target, thread: str | None = None) -> Turn:
    """One turn, on a thread or on a fresh one. Whatever goes wrong is written into it."""
    request = target.dialect.request(target.message, thread)
    turn, started = Turn(thread=request.thread), time.perf_counter()
    try:
        await _listen(session, request, target, turn, started)
    except (aiohttp.ClientError, TimeoutError) as error:
        turn.error = f"{type(error).__name__}: {error}"
    turn.total_s = time.perf_counter() - started
    if not turn.error and not (turn.ended and target.is_whole(turn.text)):
        turn.error = f"not whole: ended={turn.ended}, {len(turn.text)} characters"
    return turn


async def _listen(session: aiohttp.ClientSession, request: Request, target: Target, turn: Turn, started: float) -> None:
    parser = Parser()
    async with session.post(request.url, json=request.body, headers=request.headers) as response:
        if not response.ok:
            turn.error = f"HTTP {response.status}: {(await response.text())[:SHOWN]}"
            return
        if response.content_type == "application/json":
            target.dialect.read(Event(WHOLE, await response.read()), turn)
            return
        async for piece in response.content.iter_any():
            for event in parser.feed(piece):
                target.dialect.read(event, turn)
            if turn.text and not turn.first_word_s:
                turn.first_word_s = time.perf_counter() - started


async def run(target: Target, *, turns: int, at_once: int, within_s: float = float("inf")) -> tuple[list[Turn], float]:
    """Turns on fresh threads, `at_once` at a time; none is begun after `within_s`. Also the seconds all of it took."""
    done: list[Turn] = []
    waiting = _until(within_s, turns)

    async def client(session: aiohttp.ClientSession) -> None:
        for _ in waiting:
            turn = await ask(session, target)
            done.append(turn)

    async with _session() as session:
        started = time.perf_counter()
        await asyncio.gather(*(client(session) for _ in range(at_once)))
        return done, time.perf_counter() - started


async def converse(target: Target, *, thread: str | None, turns: int) -> list[Turn]:
    """One turn after the other on one thread; stops at the first that fails."""
    done: list[Turn] = []
    async with _session() as session:
        for _ in range(turns):
            turn = await ask(session, target, thread)
            done.append(turn)
            thread = turn.thread
            if turn.error:
                break
    return done


def _session() -> aiohttp.ClientSession:
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout)


def _until(within_s: float, turns: int) -> Iterator[int]:
    end = time.perf_counter() + within_s
    for number in range(turns):
        if time.perf_counter() > end:
            return
        yield number
