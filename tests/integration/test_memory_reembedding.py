"""Another embedder finds nothing of the one before until it was asked to; then everything, and vectors never mix."""

import asyncio
from typing import Any

import httpx

from tests.fixtures.ledger import Ledger
from tests.fixtures.memory import Eventually, MemoryProcess, StartMemory
from tests.fixtures.memory_engine import KEY

BY_PERSON = {"kind": "person"}
ANOTHER = {
    "PILOTHOUSE_MEMORY_EMBEDDER": "openai/text-embedding-3-small",
    "PILOTHOUSE_MEMORY_EMBEDDER_DIMENSION": "64",
}


def _http(memory: MemoryProcess) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=memory.url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60)


async def _save(http: httpx.AsyncClient, user: str, text: str) -> str:
    body = {"user": user, "text": text, "key": text, "tainted": False, "source": BY_PERSON}
    return (await http.post("/memories", json=body)).json()["id"]


async def _kept(http: httpx.AsyncClient, user: str) -> dict[str, str]:
    answer = await http.post("/memories/list", json={"user": user, "limit": 500})
    return {memory["id"]: memory["text"] for memory in answer.json()["memories"]}


async def _found(http: httpx.AsyncClient, user: str, query: str) -> list[str]:
    answer = await http.post("/search", json={"user": user, "query": query})
    return [memory["text"] for memory in answer.json()["memories"]]


async def _is_done(http: httpx.AsyncClient) -> bool:
    return not (await http.get("/health")).json()["of_another_embedder"]


async def test_a_changed_embedder_is_told_and_its_memories_come_back_when_asked_for(
    start_own_memory: StartMemory, through_proxy: dict[str, str], ledger: Ledger, *, eventually: Eventually
) -> None:
    before = start_own_memory()
    async with _http(before) as http:
        kept = {await _save(http, "ann", text): text for text in ("I trade at night", "My boat is called Zephyrus")}
        await _save(http, "bob", "I trade at dawn")
    before.server.kill()

    after = start_own_memory(**through_proxy, **ANOTHER)
    async with _http(after) as http:
        told = (await http.get("/health")).json()
        lost = await _found(http, "ann", "When do I trade?")
        unpaid = await ledger.rows()
        begun = (await http.post("/reembed", json={})).json()
        await eventually(lambda: _is_done(http))
        ended = (await http.post("/reembed", json={})).json()

        assert told["of_another_embedder"] == {"memories-minilm-l6-v2-int8-384": 3}
        assert told["memories"] == 0
        assert lost == []
        assert unpaid == []
        assert (begun["from"], begun["of"], begun["state"]) == ("memories-minilm-l6-v2-int8-384", 3, "running")
        assert ended["state"] == "nothing to do"
        assert await _kept(http, "ann") == kept
        assert (await _found(http, "ann", "When do I trade at night?"))[0] == "I trade at night"
        assert await _found(http, "bob", "When do I trade?") == ["I trade at dawn"]
        assert {row["node"] for row in await ledger.rows()} == {"memory"}
        await eventually(lambda: _is_removed(after, "minilm"))


async def test_kill_9_while_memories_get_new_vectors_loses_none_and_the_next_start_goes_on(
    start_own_memory: StartMemory, through_proxy: dict[str, str], eventually: Eventually
) -> None:
    before = start_own_memory()
    async with _http(before) as http:
        await asyncio.gather(*(_save(http, "ann", f"note {number} of quite a few") for number in range(150)))
        kept = await _kept(http, "ann")
    before.server.kill()

    crashed = start_own_memory(**through_proxy, **ANOTHER)
    async with _http(crashed) as http:
        await http.post("/reembed", json={})
        await eventually(lambda: _some_are_done(crashed))
        crashed.server.kill()

    restarted = start_own_memory(**through_proxy, **ANOTHER)
    async with _http(restarted) as http:
        await eventually(lambda: _is_done(http))
        assert await _kept(http, "ann") == kept
        assert len(kept) == 150


async def test_what_is_forgotten_meanwhile_does_not_come_back(
    start_own_memory: StartMemory, through_proxy: dict[str, str], eventually: Eventually
) -> None:
    before = start_own_memory()
    async with _http(before) as http:
        boat, _ = await _save(http, "ann", "My boat is called Zephyrus"), await _save(http, "ann", "I trade at night")
        await _save(http, "bob", "I trade at dawn")
    before.server.kill()

    after = start_own_memory(**through_proxy, **ANOTHER)
    async with _http(after) as http:
        one: dict[str, Any] = (await http.post("/memories/forget", json={"user": "ann", "ids": [boat]})).json()
        rest: dict[str, Any] = (await http.post("/memories/forget", json={"user": "bob", "everything": True})).json()
        await http.post("/reembed", json={})
        await eventually(lambda: _is_done(http))

        assert (one["forgotten"], one["proof"]["left"]) == (1, 0)
        assert (rest["forgotten"], rest["proof"]["left"]) == (1, 0)
        assert list((await _kept(http, "ann")).values()) == ["I trade at night"]
        assert await _kept(http, "bob") == {}


async def _some_are_done(memory: MemoryProcess) -> bool:
    return memory.count() > 0


async def _is_removed(memory: MemoryProcess, name: str) -> bool:
    return not any(name in path.name for path in (memory.data / "store").iterdir())
