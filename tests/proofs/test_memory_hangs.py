"""A provider or an embedder that hangs holds up no chat; what was said meanwhile is remembered later."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from tests.fixtures.controller import start_controller
from tests.fixtures.memory import MemoryProcess, StartMemory, TurnsTable
from tests.fixtures.memory_engine import BY_TOOL, KEY
from tests.fixtures.memory_that_hangs import WHILE
from tests.fixtures.openrouter_twin import OpenRouterTwin
from tests.fixtures.postgres import DatabaseUrls
from tests.fixtures.processes import Launcher
from tests.fixtures.proofs import Proof
from tests.fixtures.waiting import until

pytestmark = pytest.mark.timeout(3600)

USER = "ada"
HANGS_S = 20
CHAT_DEADLINE_S = 8  # of the run, which fails if it waits for the embedder or for the model of memory
DEADLINE = {"PILOTHOUSE_MEMORY_SEARCH_DEADLINE_S": "0.8"}
Chats = Callable[[MemoryProcess], httpx.AsyncClient]


@pytest.fixture
async def chats(
    own_launcher: Launcher, database_urls: DatabaseUrls, openrouter_twin: OpenRouterTwin
) -> AsyncIterator[Chats]:
    """Makes a person's client of a controller in front of that memory."""
    clients: list[httpx.AsyncClient] = []

    def make(memory: MemoryProcess) -> httpx.AsyncClient:
        controller = start_controller(own_launcher, database_urls, twin=openrouter_twin, memory_url=memory.url)
        clients.append(controller.client(controller.add_key(user_id=USER)))
        return clients[-1]

    yield make
    for each in clients:
        await each.aclose()


async def test_a_model_that_hangs(
    start_own_memory: StartMemory,
    through_proxy: dict[str, str],
    turns_table: TurnsTable,
    *,
    chats: Chats,
    proof: Proof,
) -> None:
    memory = start_own_memory(**through_proxy, **DEADLINE, PILOTHOUSE_MODEL=f"twin/slow:{HANGS_S}")
    http, facts = chats(memory), [f"I trade at hour {number}" for number in range(proof.size(1, 10))]

    answers = [await say(http, fact) for fact in facts]
    done_before = await turns_table.done()
    await until(turns_table.are_done, timeout_s=HANGS_S * len(facts) + 60)
    proof.count(chats=len(answers), seconds_hanging=HANGS_S)

    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    assert done_before == 0, "the model did not hang: this proves nothing"
    assert await texts_of(memory) == sorted(facts)


async def test_an_embedder_that_hangs(
    start_own_memory: StartMemory,
    through_proxy: dict[str, str],
    turns_table: TurnsTable,
    *,
    chats: Chats,
    proof: Proof,
    tmp_path: Path,
) -> None:
    held_up, known = tmp_path / "held-up", "I want my stakes to be small"
    settings = {**through_proxy, **DEADLINE, WHILE: str(held_up)}
    memory = start_own_memory(module="tests.fixtures.memory_that_hangs", **settings)
    http, facts = chats(memory), [f"I trade at hour {number}" for number in range(proof.size(5, 20))]
    await ask(memory, "/memories", text=known, key="1", tainted=False, source=BY_TOOL)  # else nothing is looked for

    held_up.touch()
    answers = [await say(http, fact) for fact in facts]
    done_before = await turns_table.done()
    await asyncio.sleep(proof.size(0, HANGS_S))
    held_up.unlink()
    await until(turns_table.are_done, timeout_s=60)
    proof.count(chats=len(answers))

    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    assert done_before == 0, "the embedder did not hang: this proves nothing"
    assert await texts_of(memory) == sorted([known, *facts])


async def say(http: httpx.AsyncClient, fact: str) -> httpx.Response:
    """A turn with something to remember in it."""
    return await http.post("/api/chat", json={"message": f"Hello. {fact}", "deadline_s": CHAT_DEADLINE_S})


async def texts_of(memory: MemoryProcess) -> list[str]:
    """All that is kept of the user."""
    answer = await ask(memory, "/memories/list")
    return sorted(row["text"] for row in answer.json()["memories"])


async def ask(memory: MemoryProcess, path: str, **body: object) -> httpx.Response:
    """In the user's name."""
    async with httpx.AsyncClient(base_url=memory.url, headers={"Authorization": f"Bearer {KEY}"}) as http:
        return (await http.post(path, json={"user": USER, **body})).raise_for_status()
