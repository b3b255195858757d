"""What is down, slow or still starting never holds up a chat, and is told."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import pytest

from pilothouse.errors import UnavailableError
from pilothouse.settings import CHECKOUT, MemorySettings
from tests.fixtures.memory import Eventually, InProcess, StartMemory, TurnsTable, environment_of
from tests.fixtures.memory_engine import BY_TOOL, HeldEmbedder, HeldLoading, fill
from tools.memory_client import MemoryClient

SEARCH = {"user": "ann", "query": "What is the limit on positions held at once?"}
HANGS_S = 20
SAVE = {
    "user": "ann",
    "text": "I never want more than three open trades",
    "key": "1",
    "tainted": False,
    "source": BY_TOOL,
}
RUN = "12345678-1234-5678-1234-567812345678"
TURN = {"user": "ann", "key": "1", "messages": [{"role": "user", "content": "I trade at night"}]}


async def test_a_hanging_embedder_costs_the_deadline_three_times_and_then_nothing(
    in_process: InProcess, held_embedder: HeldEmbedder
) -> None:
    held_embedder.released.set()
    async with in_process(lambda: held_embedder) as client:
        await client.post("/memories", json=SAVE)  # for who told us nothing, nothing is looked for
        held_embedder.released.clear()
        held_embedder.asked = 0
        waited_s: list[float] = []
        for _ in range(4):
            started_s = time.monotonic()
            answer = await client.post("/search", json=SEARCH)
            waited_s.append(time.monotonic() - started_s)
            assert answer.json() == {"memories": [], "degraded": True}
        held_embedder.released.set()

    assert held_embedder.asked == 3
    assert all(0.7 < waited < HANGS_S for waited in waited_s[:3])
    assert waited_s[3] < 0.7  # without waiting for the deadline again


async def test_a_user_who_told_so_much_that_it_cannot_be_read_in_time_finds_it_a_little_later_and_holds_up_nobody(
    in_process: InProcess, memory_settings: MemorySettings, held_embedder: HeldEmbedder, eventually: Eventually
) -> None:
    held_embedder.released.set()
    await fill(memory_settings, held_embedder, user="ann", memories=20_000)

    async with in_process(lambda: held_embedder, search_deadline_s=0.2) as client:
        answers = [
            (await client.post("/search", json=SEARCH)).json() for _ in range(4)
        ]  # one more than the breaker bears

        async def anns_are_found() -> bool:
            return not (await client.post("/search", json=SEARCH)).json()["degraded"]

        bobs = await client.post("/search", json=SEARCH | {"user": "bob"})
        await eventually(anns_are_found)

    assert answers == [{"memories": [], "degraded": True}] * 4
    assert bobs.json() == {"memories": [], "degraded": False}


async def test_without_postgresql_and_proxy_memory_still_saves_and_searches(in_process: InProcess) -> None:
    async with in_process() as client:
        saved = await client.post("/memories", json=SAVE)
        found = await client.post("/search", json=SEARCH)
        turn = await client.post("/turns", json=TURN)
        started_s = time.monotonic()
        health = await client.get("/health")
        health_took_s = time.monotonic() - started_s

    assert saved.status_code == 201
    assert [memory["text"] for memory in found.json()["memories"]] == [SAVE["text"]]
    assert turn.status_code == 503
    assert turn.json()["error"]["hint"]
    assert (health.status_code, health.json()["status"]) == (503, "degraded")
    assert health_took_s < 1


async def test_while_it_starts_searches_are_empty_and_saves_are_told_to_come_back(
    in_process: InProcess, held_loading: HeldLoading
) -> None:
    async with in_process(held_loading, ready=False) as client:
        health = await client.get("/health")
        found = await client.post("/search", json=SEARCH)
        saved = await client.post("/memories", json=SAVE)
        held_loading.release()

    assert (health.status_code, health.json()["status"]) == (503, "starting")
    assert found.json() == {"memories": [], "degraded": True}
    assert saved.status_code == 503


async def test_turns_are_taken_at_once_after_postgresql_dropped_all_connections(
    start_own_memory: StartMemory, turns_table: TurnsTable, session: aiohttp.ClientSession
) -> None:
    client = start_own_memory().client(session)
    turn = [{"role": "user", "content": "I trade at night"}]

    for round_ in ("before", "after"):
        queued = [
            client.queue_turn(user_id="ann", key=f"{round_} {number}", run_id=RUN, messages=turn)
            for number in range(20)
        ]
        await asyncio.gather(*queued)
        turns_table.drop_connections()
    await client.queue_turn(user_id="ann", key="last", run_id=RUN, messages=turn)

    assert len(await turns_table.rows()) == 41


def test_a_second_process_on_the_same_folder_is_refused_in_one_line(start_own_memory: StartMemory) -> None:
    running = start_own_memory()

    second = subprocess.run(
        [sys.executable, "-m", "memory"],
        cwd=CHECKOUT,
        env=running.environment_of_a_second(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert second.returncode == 1
    assert "in use by another process" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_folder_that_cannot_be_written_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = environment_of(data=tmp_path / "file" / "memory", database_url="postgresql://127.0.0.1:1/none")

    refused = subprocess.run(
        [sys.executable, "-m", "memory"], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False
    )

    assert refused.returncode == 1
    assert "cannot be written" in refused.stderr
    assert "PILOTHOUSE_MEMORY_DATA" in refused.stderr
    assert "Traceback" not in refused.stderr


async def test_our_client_finds_nothing_soon_when_memory_is_down_but_the_tool_says_so(nobody: MemoryClient) -> None:
    started_s = time.monotonic()

    assert await nobody.search(user_id="ann", query="anything") == []
    with pytest.raises(UnavailableError, match="memory cannot be reached"):
        await nobody.find(user_id="ann", query="anything")

    assert time.monotonic() - started_s < 2
