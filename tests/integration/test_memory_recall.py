"""A text saved over HTTP is found again by whoever it belongs to, and by nobody else."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.fixtures.memory import MemoryProcess
from tests.fixtures.memory_engine import BY_TOOL
from tools.memory_client import MemoryClient

HOSTILE_USERS = [
    "*",
    "u_*",
    '{"AND": [{"user_id": "victim"}]}',
    "victim\u0000",
    " victim",
    "VICTIM",
    "vіctim",  # noqa: RUF001 -- a Cyrillic look-alike
    "' OR 1=1 --",
    "x" * 1000,
]


def new_memory(user: str, text: str, *, key: str = "1") -> dict[str, Any]:
    """The body of POST /memories."""
    return {"user": user, "text": text, "key": key, "tainted": False, "source": BY_TOOL}


async def test_a_saved_text_is_found_by_a_paraphrase(memory_client: MemoryClient, user: str) -> None:
    await memory_client.save(
        user_id=user, text="I never want more than three open trades", key="1", tainted=False, source=BY_TOOL
    )
    await memory_client.save(user_id=user, text="My daughter is called Mira", key="2", tainted=False, source=BY_TOOL)

    found = await memory_client.search(user_id=user, query="What is the limit on positions held at once?", limit=1)

    assert [memory.text for memory in found] == ["I never want more than three open trades"]
    assert found[0].source.kind == "tool"


@pytest.mark.parametrize("hostile", HOSTILE_USERS)
async def test_a_hostile_user_id_reads_nobody_elses_memory(memory_client: MemoryClient, hostile: str) -> None:
    await memory_client.save(
        user_id="victim", text="My exchange account is with Kraken", key="1", tainted=False, source=BY_TOOL
    )

    found = await memory_client.search(user_id=hostile, query="My exchange account is with Kraken")

    assert found == []


@pytest.mark.parametrize(
    "forged",
    [
        {"user": ""},
        {"user": {"user_id": "victim"}},
        {"filters": {"user_id": "victim"}},
        {"limit": 0},
        {"query": "  "},
    ],
)
async def test_a_search_that_is_more_than_a_question_is_refused(
    memory_http: httpx.AsyncClient, user: str, forged: dict[str, Any]
) -> None:
    answer = await memory_http.post("/search", json={"user": user, "query": "anything"} | forged)

    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "bad_input"


async def test_a_lone_surrogate_is_refused(memory_http: httpx.AsyncClient) -> None:
    body = rb'{"user": "\ud800", "text": "\ud800", "key": "1", "tainted": false, "source": {"kind": "tool"}}'

    answer = await memory_http.post("/memories", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 422


@pytest.mark.parametrize("forged", [{"created_at": "2099-01-01"}, {"metadata": {"user_id": "victim"}}])
async def test_a_forged_date_or_owner_is_refused_and_stores_nothing(
    memory_http: httpx.AsyncClient, user: str, forged: dict[str, Any]
) -> None:
    answer = await memory_http.post("/memories", json=new_memory(user, "a lie") | forged)
    found = await memory_http.post("/search", json={"user": user, "query": "a lie"})

    assert answer.status_code == 422
    assert found.json() == {"memories": [], "degraded": False}


async def test_the_same_key_again_is_the_same_memory(memory_http: httpx.AsyncClient, user: str) -> None:
    first = await memory_http.post("/memories", json=new_memory(user, "Only spot, no margin", key="run:1"))
    again = await memory_http.post("/memories", json=new_memory(user, "Only spot, no margin", key="run:1"))

    assert (first.status_code, again.status_code) == (201, 200)
    kept = {"id": first.json()["id"], "text": "Only spot, no margin", "state": "served"}
    assert again.json() == first.json() == kept | {"duplicate": False}


async def test_the_same_words_again_are_a_duplicate(memory_http: httpx.AsyncClient, user: str) -> None:
    first = await memory_http.post("/memories", json=new_memory(user, "Only spot, no margin", key="run:1"))
    again = await memory_http.post("/memories", json=new_memory(user, " Only spot, no margin ", key="run:2"))
    found = await memory_http.post("/search", json={"user": user, "query": "margin"})

    assert again.status_code == 200
    assert again.json() == {
        "id": first.json()["id"],
        "text": "Only spot, no margin",
        "state": "served",
        "duplicate": True,
    }
    assert len(found.json()["memories"]) == 1


async def test_a_key_that_reads_as_a_wildcard_is_only_a_key(memory_http: httpx.AsyncClient, user: str) -> None:
    await memory_http.post("/memories", json=new_memory(user, "Only spot, no margin"))

    answer = await memory_http.post("/memories", json=new_memory(user, "I trade at night", key="*"))

    assert answer.status_code == 201
    assert answer.json()["text"] == "I trade at night"


async def test_equal_saves_at_once_make_one_memory(memory_client: MemoryClient, user: str) -> None:
    saves = [
        memory_client.save(user_id=user, text="I trade at night", key=f"{number}", tainted=False, source=BY_TOOL)
        for number in range(20)
    ]
    answers = await asyncio.gather(*saves)
    found = await memory_client.search(user_id=user, query="I trade at night", limit=20)

    assert len({answer["id"] for answer in answers}) == 1
    assert len(found) == 1


@pytest.mark.parametrize("text", ["", "  ", "x" * 4001])
async def test_a_text_that_is_empty_or_too_long_is_refused(
    memory_http: httpx.AsyncClient, user: str, text: str
) -> None:
    answer = await memory_http.post("/memories", json=new_memory(user, text))

    assert answer.status_code == 422


async def test_a_question_of_any_length_is_answered(memory_client: MemoryClient, user: str) -> None:
    await memory_client.save(
        user_id=user, text="I never want more than three open trades", key="1", tainted=False, source=BY_TOOL
    )

    found = await memory_client.find(user_id=user, query="open trades? " * 10_000)

    assert len(found) == 1


@pytest.mark.parametrize("path", ["/search", "/memories", "/turns"])
async def test_nothing_is_told_or_kept_without_a_key(memory: MemoryProcess, path: str) -> None:
    async with httpx.AsyncClient(base_url=memory.url) as stranger:
        answer = await stranger.post(path, json={"user": "victim", "query": "Kraken", "text": "a", "key": "1"})

    assert answer.status_code in {401, 422}
    assert "Kraken" not in answer.text
