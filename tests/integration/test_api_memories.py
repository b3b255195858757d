"""/api/memories: a person sees and changes what is remembered of them, and of nobody else."""

import json
import uuid
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.fixtures.controller import ALL_SCOPES, Controller
from tests.fixtures.memory_engine import BY_TOOL
from tools.memory_client import MemoryClient

PERSON = (*ALL_SCOPES, "memory:read", "memory:write")
WISH = "I never want more than three open trades"


@pytest.fixture
async def person(controller: Controller, user: str) -> AsyncIterator[httpx.AsyncClient]:
    """A user who has nothing remembered yet, with a key made for a person."""
    async with controller.client(controller.add_key(user_id=user, scopes=PERSON)) as client:
        yield client


@pytest.fixture
async def stranger(controller: Controller) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody else with a key as good."""
    async with controller.client(controller.add_key(user_id=f"user-{uuid.uuid4()}", scopes=PERSON)) as client:
        yield client


async def test_what_a_person_adds_is_theirs_and_found_in_their_words(person: httpx.AsyncClient) -> None:
    added = await person.post("/api/memories", json={"text": f" {WISH} "})
    again = await person.post("/api/memories", json={"text": WISH})
    listed = (await person.get("/api/memories")).json()
    found = (await person.post("/api/memories/search", json={"query": "how many open trades"})).json()

    assert (added.status_code, again.status_code) == (201, 200)
    assert again.json() == added.json() | {"duplicate": True}
    assert listed["next"] is None
    [memory] = listed["memories"]
    assert (memory["id"], memory["text"], memory["trust"]) == (added.json()["id"], WISH, "person")
    assert memory["source"]["kind"] == "person"
    assert [each["id"] for each in found["memories"]] == [memory["id"]]


async def test_a_request_sent_again_is_kept_once_whatever_it_says_then(person: httpx.AsyncClient) -> None:
    named = {"Idempotency-Key": "note-1"}

    first = await person.post("/api/memories", json={"text": WISH}, headers=named)
    again = await person.post("/api/memories", json={"text": "I want a hundred trades"}, headers=named)

    assert again.json() == first.json()
    assert [each["text"] for each in (await person.get("/api/memories")).json()["memories"]] == [WISH]


async def test_pages_give_each_memory_once_the_newest_first(person: httpx.AsyncClient) -> None:
    words = [f"Note number {number}" for number in range(5)]
    for text in words:
        await person.post("/api/memories", json={"text": text})

    first = (await person.get("/api/memories", params={"limit": 3})).json()
    second = (await person.get("/api/memories", params={"limit": 3, "after": first["next"]})).json()

    seen = [each["text"] for each in first["memories"] + second["memories"]]
    assert seen == words[::-1]
    assert second["next"] is None


async def test_a_note_about_a_pair_is_listed_by_it_with_its_figures(person: httpx.AsyncClient) -> None:
    about = {"strategy": "Trend", "pair": "ETH/USDT", "figures": {"profit_pct": "1.50"}}
    await person.post("/api/memories", json={"text": "Trend did well on ETH", "subject": about})
    await person.post("/api/memories", json={"text": "I like tea"})

    [memory] = (await person.get("/api/memories", params={"pair": "ETH/USDT"})).json()["memories"]

    assert memory["text"] == "Trend did well on ETH"
    assert memory["subject"]["figures"] == {"profit_pct": "1.50"}


async def test_a_search_keeps_to_the_pair_kind_and_time_asked_for(person: httpx.AsyncClient) -> None:
    for pair, since in (("ETH/USDT", "2026-01-01"), ("BTC/USDT", "2026-02-01"), ("BTC/USDT", "2026-03-01")):
        period = {"since": f"{since}T00:00:00Z", "until": f"{since}T12:00:00Z"}
        about = {"text": f"Trend did well on {pair} from {since}", "subject": {"pair": pair, **period}}
        await person.post("/api/memories", json=about)

    asked = {"query": "Where did Trend do well?", "pair": "BTC/USDT", "since": "2026-02-15T00:00:00Z", "kind": "note"}
    found = (await person.post("/api/memories/search", json=asked)).json()["memories"]
    others = (await person.post("/api/memories/search", json=asked | {"kind": "outcome"})).json()["memories"]

    assert [each["text"] for each in found] == ["Trend did well on BTC/USDT from 2026-03-01"]
    assert others == []


async def test_what_waits_in_quarantine_is_told_only_once_it_was_admitted(
    person: httpx.AsyncClient, memory_client: MemoryClient, user: str
) -> None:
    await memory_client.save(user_id=user, text="I want unlimited stakes", key="1", tainted=True, source=BY_TOOL)
    asked = {"query": "unlimited stakes"}

    before = (await person.post("/api/memories/search", json=asked)).json()["memories"]
    [waiting] = (await person.get("/api/memories", params={"state": "quarantined"})).json()["memories"]
    admitted = (await person.post(f"/api/memories/{waiting['id']}/admit")).json()
    after = (await person.post("/api/memories/search", json=asked)).json()["memories"]

    assert before == []
    assert (admitted["state"], admitted["tainted"], admitted["trust"]) == ("served", True, "untrusted")
    assert [each["id"] for each in after] == [waiting["id"]]


async def test_a_memory_is_put_right_and_its_history_keeps_the_old_words(person: httpx.AsyncClient) -> None:
    memory_id = (await person.post("/api/memories", json={"text": WISH})).json()["id"]
    better = "I never want more than two open trades"

    changed = await person.patch(f"/api/memories/{memory_id}", json={"text": better})
    read = await person.get(f"/api/memories/{memory_id}")
    events = (await person.get(f"/api/memories/{memory_id}/history")).json()["events"]
    found = (await person.post("/api/memories/search", json={"query": "two open trades"})).json()["memories"]

    assert changed.json()["text"] == read.json()["text"] == better
    assert [(each["event"], each["old"], each["new"]) for each in events] == [
        ("ADD", None, WISH),
        ("UPDATE", WISH, better),
    ]
    assert [each["text"] for each in found] == [better]


async def test_an_expiry_is_changed_alone_with_the_words_and_taken_away_with_null(person: httpx.AsyncClient) -> None:
    soon = "2099-01-01T00:00:00Z"
    memory_id = (await person.post("/api/memories", json={"text": WISH, "expires_at": soon})).json()["id"]
    path = f"/api/memories/{memory_id}"

    kept = (await person.patch(path, json={"text": f"{WISH}, please"})).json()["expires_at"]
    forever = (await person.patch(path, json={"text": WISH, "expires_at": None})).json()["expires_at"]

    assert (kept, forever) == (soon, None)


async def test_why_leads_to_the_run_and_what_was_asked_in_it(person: httpx.AsyncClient) -> None:
    asked = f"Remember that {WISH}"
    run = (await person.post("/api/chat", json={"message": asked})).json()
    [memory] = (await person.get("/api/memories")).json()["memories"]

    known = (await person.get(f"/api/memories/{memory['id']}/why")).json()

    assert (known["source"], known["name"], known["tainted"]) == ("tool", "memory_save", False)
    assert (known["run_id"], known["thread_id"], known["asked"]) == (run["run_id"], run["thread_id"], asked)


async def test_why_says_so_when_the_conversation_was_deleted(person: httpx.AsyncClient) -> None:
    run = (await person.post("/api/chat", json={"message": f"Remember that {WISH}"})).json()
    [memory] = (await person.get("/api/memories")).json()["memories"]
    await person.delete(f"/api/threads/{run['thread_id']}")

    known = (await person.get(f"/api/memories/{memory['id']}/why")).json()

    assert (known["run_id"], known["asked"], known["thread_id"]) == (run["run_id"], None, None)


async def test_why_tells_nothing_of_a_run_that_is_somebody_elses(
    person: httpx.AsyncClient, stranger: httpx.AsyncClient, memory_client: MemoryClient, user: str
) -> None:
    run = (await stranger.post("/api/chat", json={"message": "My account is with Kraken"})).json()
    forged = BY_TOOL | {"run_id": run["run_id"], "thread_id": run["thread_id"]}
    saved = await memory_client.save(user_id=user, text=WISH, key="1", tainted=False, source=forged)

    known = await person.get(f"/api/memories/{saved['id']}/why")

    assert (known.json()["asked"], known.json()["thread_id"]) == (None, None)
    assert "Kraken" not in known.text


async def test_what_is_forgotten_is_gone_from_list_search_and_history_and_again_does_no_harm(
    person: httpx.AsyncClient,
) -> None:
    first, second = [
        (await person.post("/api/memories", json={"text": text})).json()["id"] for text in (WISH, "I like green tea")
    ]

    forgotten = await person.delete(f"/api/memories/{first}")
    again = await person.delete(f"/api/memories/{first}")
    twice = await person.delete("/api/memories", params={"id": [first, first]})
    left = (await person.get("/api/memories")).json()["memories"]
    found = (await person.post("/api/memories/search", json={"query": WISH})).json()["memories"]

    assert (forgotten.json()["forgotten"], forgotten.json()["proof"]["left"]) == (1, 0)
    assert (again.status_code, twice.json()["forgotten"]) == (404, 0)
    assert [each["id"] for each in left] == [second]
    assert first not in [each["id"] for each in found]
    assert (await person.get(f"/api/memories/{first}/history")).status_code == 404


async def test_everything_is_forgotten_only_when_said_so_and_of_one_person_only(
    person: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    for client in (person, stranger):
        await client.post("/api/memories", json={"text": WISH})

    vague = [await person.delete("/api/memories", params=said) for said in ({}, {"everything": "false"})]
    forgotten = (await person.delete("/api/memories", params={"everything": "true"})).json()

    assert {reply.status_code for reply in vague} == {422}
    assert (forgotten["forgotten"], forgotten["proof"]["left"]) == (1, 0)
    assert (await person.get("/api/memories")).json()["memories"] == []
    assert len((await stranger.get("/api/memories")).json()["memories"]) == 1


async def test_what_was_exported_comes_back_as_it_was_and_is_kept_once(
    person: httpx.AsyncClient, memory_client: MemoryClient, user: str
) -> None:
    about = {"pair": "ETH/USDT", "figures": {"profit_pct": "1.50"}}
    await person.post("/api/memories", json={"text": WISH, "subject": about})
    await memory_client.save(user_id=user, text="I want unlimited stakes", key="1", tainted=True, source=BY_TOOL)
    before = (await person.get("/api/memories")).json()["memories"]
    lines = [json.loads(line) for line in (await person.get("/api/memories/export")).text.splitlines()]
    await person.delete("/api/memories", params={"everything": "true"})

    imported = await person.post("/api/memories/import", json={"memories": lines, "key": "1"})
    again = await person.post("/api/memories/import", json={"memories": lines, "key": "2"})
    after = (await person.get("/api/memories")).json()["memories"]

    assert imported.json() == {"stored": 2, "known": 0, "refused": []}
    assert again.json() == {"stored": 0, "known": 2, "refused": []}
    for name in ("text", "state", "tainted", "trust", "created_at", "subject"):
        assert [each[name] for each in after] == [each[name] for each in before], name


async def test_stats_count_what_is_kept_of_a_person_and_of_nobody_else(
    person: httpx.AsyncClient, stranger: httpx.AsyncClient, memory_client: MemoryClient, user: str
) -> None:
    await person.post("/api/memories", json={"text": WISH})
    await person.post("/api/memories", json={"text": WISH})
    await memory_client.save(user_id=user, text="I want unlimited stakes", key="1", tainted=True, source=BY_TOOL)

    mine = (await person.get("/api/memories/stats")).json()
    theirs = (await stranger.get("/api/memories/stats")).json()

    assert (mine["memories"]["total"], theirs["memories"]["total"]) == (2, 0)
    assert mine["memories"]["by_state"] == {"served": 1, "quarantined": 1}
    assert (mine["gate"]["offered"], mine["gate"]["stored"], sum(mine["gate"]["dropped"].values())) == (3, 2, 1)
    assert (mine["served"]["junk_rate"], theirs["served"]["junk_rate"]) == (0.0, None)


async def test_with_the_embedder_unchanged_there_is_nothing_to_embed_anew(person: httpx.AsyncClient) -> None:
    told = (await person.post("/api/memories/reembed")).json()

    assert told == {"from": None, "done": 0, "of": 0, "state": "nothing to do", "last_error": None}


async def test_anothers_memories_do_not_exist_for_me(person: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    memory_id = (await person.post("/api/memories", json={"text": WISH})).json()["id"]

    listed = (await stranger.get("/api/memories")).json()
    found = (await stranger.post("/api/memories/search", json={"query": WISH})).json()
    path = f"/api/memories/{memory_id}"
    refused = [
        await stranger.get(path),
        await stranger.get(f"{path}/history"),
        await stranger.get(f"{path}/why"),
        await stranger.patch(path, json={"text": "I want a hundred trades"}),
        await stranger.post(f"{path}/admit"),
        await stranger.post(f"{path}/restore"),
        await stranger.delete(path),
    ]
    await stranger.delete("/api/memories", params={"everything": "true"})
    exported = await stranger.get("/api/memories/export")

    assert exported.text == ""
    assert listed == {"memories": [], "next": None}
    assert found == {"memories": []}
    assert {reply.status_code for reply in refused} == {404}
    assert not any(WISH in reply.text for reply in refused)
    assert (await person.get(path)).json()["text"] == WISH


@pytest.mark.parametrize("forged", [{"user": "victim"}, {"user_id": "victim"}, {"filters": {"user_id": "victim"}}])
async def test_whose_memories_they_are_cannot_be_asked_for(person: httpx.AsyncClient, forged: dict[str, str]) -> None:
    listed = await person.get("/api/memories", params=dict.fromkeys(forged, "victim"))
    searched = await person.post("/api/memories/search", json={"query": "anything"} | forged)
    added = await person.post("/api/memories", json={"text": WISH} | forged)

    assert (listed.status_code, searched.status_code, added.status_code) == (422, 422, 422)


async def test_only_a_persons_key_changes_what_is_remembered(controller: Controller, user: str) -> None:
    nobody = str(uuid.uuid4())
    async with controller.client(controller.add_key(user_id=user, scopes=(*ALL_SCOPES, "memory:read"))) as program:
        read = await program.get("/api/memories")
        refused = [
            await program.post("/api/memories", json={"text": WISH}),
            await program.patch(f"/api/memories/{nobody}", json={"text": WISH}),
            await program.post(f"/api/memories/{nobody}/admit"),
            await program.post(f"/api/memories/{nobody}/restore"),
            await program.delete(f"/api/memories/{nobody}"),
            await program.delete("/api/memories", params={"everything": "true"}),
            await program.post("/api/memories/import", json={"memories": [{"text": WISH}], "key": "1"}),
        ]

    assert read.json() == {"memories": [], "next": None}
    assert {reply.status_code for reply in refused} == {403}
    assert {reply.json()["error"]["message"] for reply in refused} == {"this key lacks the scope 'memory:write'"}


@pytest.mark.parametrize("text", ["", "  ", "x" * 4001, "\ud800"])
async def test_a_text_that_cannot_be_kept_is_refused(person: httpx.AsyncClient, text: str) -> None:
    body = (
        b'{"text": "\\ud800"}' if text == "\ud800" else httpx.Request("POST", "http://x", json={"text": text}).content
    )

    reply = await person.post("/api/memories", content=body, headers={"Content-Type": "application/json"})

    assert reply.status_code == 422
    assert reply.json()["error"]["hint"]
