"""Many at once, and `kill -9` in the middle: no error, nothing lost, nothing twice."""

import asyncio

import aiohttp
import httpx

from tests.fixtures.memory import StartMemory
from tests.fixtures.memory_engine import BY_TOOL

MANY = 300
SOME = 120


async def test_300_saves_and_searches_at_once_lose_nothing(memory_http: httpx.AsyncClient, user: str) -> None:
    before = (await memory_http.get("/health")).json()["memories"]
    notes = [f"note {number} of many" for number in range(MANY)]

    answers = await asyncio.gather(
        *(
            memory_http.post(
                "/memories", json={"user": user, "text": note, "key": note, "tainted": False, "source": BY_TOOL}
            )
            for note in notes
        ),
        *(memory_http.post("/search", json={"user": user, "query": note}) for note in notes),
    )
    after = (await memory_http.get("/health")).json()["memories"]

    assert {answer.status_code for answer in answers} == {200, 201}
    assert not any(answer.json().get("degraded") for answer in answers)
    assert after - before == MANY


async def test_after_kill_9_every_acknowledged_save_is_there_and_repeating_them_all_stores_none_twice(
    start_own_memory: StartMemory, session: aiohttp.ClientSession
) -> None:
    crashed = start_own_memory()
    notes = [f"note {number} of many" for number in range(SOME)]
    saving = [asyncio.create_task(crashed.acknowledges(session, note)) for note in notes]

    await crashed.wait_until_it_holds(30)
    crashed.server.kill()
    acknowledged = sum(await asyncio.gather(*saving))
    restarted = start_own_memory()
    recovered = restarted.count()
    await asyncio.gather(*(restarted.acknowledges(session, note) for note in notes))

    assert 0 < acknowledged <= recovered < SOME
    assert restarted.count() == SOME
