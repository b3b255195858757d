"""What a person wants forgotten is gone: from search, history, queue and files, also after a crash, and stays gone."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from memory.scope import scope_of
from tests.fixtures.memory import Eventually, InProcess, MemoryProcess, StartMemory, TurnsTable
from tests.fixtures.memory_engine import KEY, SCOPE_SECRET, HesitantFarEnd

RUN = "12345678-1234-5678-1234-567812345678"
ANOTHER_RUN = "87654321-1234-5678-1234-567812345678"
BERTH = "My boat lies at berth forty-two in Cascais"
TEA = "I drink green tea while the market opens"


def _http(memory: MemoryProcess) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=memory.url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60)


async def _save(http: httpx.AsyncClient, user: str, text: str, *, run_id: str = RUN) -> str:
    source = {"kind": "tool", "name": "memory_save", "run_id": run_id}
    body = {"user": user, "text": text, "key": text, "tainted": False, "source": source}
    return (await http.post("/memories", json=body)).json()["id"]


async def _forget(http: httpx.AsyncClient, user: str, **what: Any) -> dict[str, Any]:
    answer = await http.post("/memories/forget", json={"user": user, **what})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _texts(http: httpx.AsyncClient, user: str) -> list[str]:
    answer = await http.post("/memories/list", json={"user": user})
    return sorted(memory["text"] for memory in answer.json()["memories"])


def _files_that_hold(folder: Path, words: str) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and words.encode() in path.read_bytes()]


async def test_forgotten_memories_leave_no_byte_in_the_files_and_the_others_stay(start_own_memory: StartMemory) -> None:
    memory = start_own_memory()
    async with _http(memory) as http:
        berth, tea = await _save(http, "ann", BERTH), await _save(http, "ann", TEA)
        await _save(http, "bob", "Bob likes Cascais too")
        words = {"user": "ann", "id": berth, "text": "My boat lies at berth seven in Faro"}
        await http.post("/memories/edit", json=words)
        await asyncio.sleep(2.5)  # until everything is flushed
        before = _files_that_hold(memory.data, BERTH)

        told = await _forget(http, "ann", ids=[berth])

        assert (told["forgotten"], told["compacted"], told["reason"]) == (1, True, None)
        assert told["proof"]["left"] == 0
        assert told["proof"]["bytes"] > told["proof"]["files"] > 3
        assert before
        assert _files_that_hold(memory.data, BERTH) == []
        assert _files_that_hold(memory.data, words["text"]) == []
        assert _files_that_hold(memory.data, TEA)
        assert await _texts(http, "ann") == [TEA]
        assert await _texts(http, "bob") == ["Bob likes Cascais too"]
        assert (await http.post("/memories/history", json={"user": "ann", "id": berth})).status_code == 404
        assert len((await http.post("/memories/history", json={"user": "ann", "id": tea})).json()["events"]) == 1


async def test_everything_of_one_user_goes_and_nothing_of_another(start_own_memory: StartMemory) -> None:
    memory = start_own_memory()
    async with _http(memory) as http:
        await _save(http, "ann", BERTH)
        await _save(http, "bob", BERTH)  # his words too
        await _save(http, "ann", TEA)
        for user, word in (("ann", "Ann's raw words, kept by an older version"), ("bob", "Bob's raw words")):
            _plant_raw_message(memory.data, user, word)

        told = await _forget(http, "ann", everything=True)

        assert (told["forgotten"], told["proof"]["left"]) == (2, 0)
        assert (await _texts(http, "ann"), await _texts(http, "bob")) == ([], [BERTH])
        assert _files_that_hold(memory.data, TEA) == []
        assert _files_that_hold(memory.data, "Ann's raw words") == []
        assert _files_that_hold(memory.data, "Bob's raw words")
        assert await _save(http, "ann", TEA)
        assert await _texts(http, "ann") == [TEA]


async def test_nobody_forgets_what_is_anothers(memory_http: httpx.AsyncClient, user: str) -> None:
    berth = await _save(memory_http, user, BERTH)

    told = await _forget(memory_http, "somebody else", ids=[berth])
    both = await memory_http.post("/memories/forget", json={"user": user, "ids": [berth], "everything": True})
    neither = await memory_http.post("/memories/forget", json={"user": user})

    assert told["forgotten"] == 0
    assert (both.status_code, neither.status_code) == (422, 422)
    assert await _texts(memory_http, user) == [BERTH]


@pytest.mark.parametrize("everything", [True, False])
async def test_a_turn_with_its_model_while_its_words_are_forgotten_stores_nothing_afterwards(
    start_own_memory: StartMemory,
    turns_table: TurnsTable,
    hesitant_far_end: type[HesitantFarEnd],
    *,
    session: aiohttp.ClientSession,
    eventually: Eventually,
    everything: bool,
) -> None:
    model = {"PILOTHOUSE_PROXY_URL": f"http://127.0.0.1:{hesitant_far_end.port}", "PILOTHOUSE_PROXY_KEY": "none"}
    memory = start_own_memory(**model)
    hesitant_far_end.answer = json.dumps({"memory": [{"id": "0", "text": BERTH, "attributed_to": "user"}]})
    async with _http(memory) as http:
        tea = await _save(http, "ann", TEA)
        for key in ("under way", "waiting", "waiting too"):
            said = [{"role": "user", "content": f"{BERTH}, {key}"}]
            await memory.client(session).queue_turn(user_id="ann", key=key, run_id=RUN, messages=said)
        await eventually(hesitant_far_end.is_asked)

        told = await _forget(http, "ann", **({"everything": True} if everything else {"ids": [tea]}))
        hesitant_far_end.released.set()
        said = [{"role": "user", "content": "I moved to Faro"}]
        hesitant_far_end.answer = '{"memory":[{"id":"0","text":"I moved to Faro","attributed_to":"user"}]}'
        await memory.client(session).queue_turn(user_id="ann", key="later", run_id=ANOTHER_RUN, messages=said)
        await memory.client(session).queue_turn(user_id="ann", key="waiting", run_id=RUN, messages=said)
        await eventually(turns_table.all_done)

        assert told["forgotten"] == 1
        assert await _texts(http, "ann") == ["I moved to Faro"]
        rows = await turns_table.rows()
        assert len(rows) == 4
        assert "Cascais" not in str(rows)


async def test_while_the_queue_cannot_be_reached_nothing_is_half_forgotten(in_process: InProcess) -> None:
    async with in_process() as http:
        await _save(http, "ann", BERTH)
        refused = await http.post("/memories/forget", json={"user": "ann", "everything": True})

        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "unavailable")
        assert await _texts(http, "ann") == [BERTH]


@pytest.mark.parametrize("moment_s", [0.0, 0.1, 0.25, 0.4])
async def test_kill_9_at_any_moment_of_forgetting_leaves_it_to_be_finished_at_the_next_start(
    start_own_memory: StartMemory, eventually: Eventually, moment_s: float
) -> None:
    crashed = start_own_memory()
    async with _http(crashed) as http:
        await asyncio.gather(*(_save(http, "ann", f"{BERTH}, number {each:02}") for each in range(20)))
        await _save(http, "bob", TEA)
        begun = asyncio.create_task(http.post("/memories/forget", json={"user": "ann", "everything": True}))
        await eventually(lambda: _is_begun(crashed, begun))
        await asyncio.sleep(moment_s)
        crashed.server.kill()
        await asyncio.gather(begun, return_exceptions=True)

    restarted = start_own_memory()
    async with _http(restarted) as http:
        assert await _texts(http, "ann") == []
        assert await _texts(http, "bob") == [TEA]
        await eventually(lambda: _nothing_is_left_to_erase(restarted.data))
        assert _files_that_hold(restarted.data, BERTH) == []


async def test_many_who_forget_at_once_share_a_compaction(start_own_memory: StartMemory) -> None:
    memory = start_own_memory()
    async with _http(memory) as http:
        ids = await asyncio.gather(*(_save(http, f"user {each}", f"{BERTH}, number {each:02}") for each in range(20)))
        told = await asyncio.gather(*(_forget(http, f"user {each}", ids=[row]) for each, row in enumerate(ids)))
        kept = await _save(http, "ann", TEA)

        assert [each["proof"]["left"] for each in told] == [0] * 20
        assert kept
        (shard,) = [path.name for path in (memory.data / "store").iterdir() if "entities" not in path.name]
        assert int(shard.partition("~")[2]) <= 3


def _plant_raw_message(data: Path, user: str, words: str) -> None:
    """As Mem0 keeps what a user says, when it is let."""
    scope = scope_of(user, secret=SCOPE_SECRET)
    with sqlite3.connect(data / "history.db", timeout=5) as database:
        database.execute(
            "INSERT INTO messages (id, session_scope, role, content) VALUES (?, ?, 'user', ?)",
            (scope, f"user_id={scope}", words),
        )
    database.close()


async def _is_begun(memory: MemoryProcess, request: "asyncio.Task[httpx.Response]") -> bool:
    return request.done() or any((memory.data / "erasing").iterdir())


async def _nothing_is_left_to_erase(data: Path) -> bool:
    return not any((data / "erasing").iterdir())
