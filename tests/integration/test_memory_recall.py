"""A text saved over HTTP is found again by whoever it belongs to, and by nobody else."""

import asyncio
from datetime import UTC, datetime, timedelta
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


RULES = [
    "Stop at a loss of 3 percent on swing trades",
    "Stop at a loss of 5 percent on day trades",
    "Stop at a loss of 12 percent on long holdings",
]
PEOPLE = ["My daughter Mira is afraid of dogs", "My son Jonas is afraid of dogs", "My neighbour is afraid of dogs"]
ABOUT_MONEY = ["The API key for the exchange expires in autumn", "I never want more than three open trades"]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("what was the 12 percent rule", RULES[2]),
        ("which one stops at 5 percent", RULES[1]),
        ("what is Jonas afraid of", PEOPLE[1]),
        ("tell me about mira", PEOPLE[0]),
        ("How many positions may be held at once?", ABOUT_MONEY[1]),
        ("exchange expires", ABOUT_MONEY[0]),
    ],
)
async def test_numbers_names_words_and_meaning_each_find_what_they_point_to(
    memory_client: MemoryClient, user: str, question: str, answer: str
) -> None:
    for text in (*RULES, *PEOPLE, *ABOUT_MONEY):
        await memory_client.save(user_id=user, text=text, key=text, tainted=False, source=BY_TOOL)

    found = await memory_client.search(user_id=user, query=question, limit=3)

    assert found[0].text == answer


async def test_what_is_saved_after_a_search_is_found_by_the_next(memory_client: MemoryClient, user: str) -> None:
    for number, text in enumerate(PEOPLE):
        await memory_client.save(user_id=user, text=text, key=text, tainted=False, source=BY_TOOL)
        found = await memory_client.search(user_id=user, query="Who is afraid of dogs?", limit=10)

        assert {memory.text for memory in found} == set(PEOPLE[: number + 1])


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        ({"pair": "BTC/USDT"}, {"It lost on BTC"}),
        ({"kind": "backtest"}, {"It lost on BTC", "It won on ETH"}),
        ({"kind": "note"}, {"It feels wrong to trade on Sundays"}),
        ({"strategy": "Momentum", "until": "2026-03-01T00:00:00Z"}, {"It lost on BTC"}),
        ({"strategy": "*"}, set[str]()),
    ],
)
async def test_a_search_may_ask_for_a_kind_a_strategy_a_pair_or_a_period(
    memory_http: httpx.AsyncClient, user: str, choice: dict[str, str], found: set[str]
) -> None:
    def tested(text: str, pair: str, month: int) -> dict[str, Any]:
        period = {"since": f"2026-{month:02}-01T00:00:00Z", "until": f"2026-{month:02}-20T00:00:00Z"}
        subject = {"strategy": "Momentum", "pair": pair} | period
        return new_memory(user, text, key=text) | {"kind": "backtest", "subject": subject}

    bodies = [
        tested("It lost on BTC", "BTC/USDT", 2),
        tested("It won on ETH", "ETH/USDT", 4),
        new_memory(user, "It feels wrong to trade on Sundays", key="note"),
    ]
    for body in bodies:
        assert (await memory_http.post("/memories", json=body)).status_code == 201

    answer = await memory_http.post("/search", json={"user": user, "query": "what did it do"} | choice)

    assert {memory["text"] for memory in answer.json()["memories"]} == found


async def test_what_expired_is_not_found_though_it_was_before(memory_http: httpx.AsyncClient, user: str) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=2)
    await memory_http.post("/memories", json=new_memory(user, "No trades today") | {"expires_at": soon.isoformat()})

    before = await memory_http.post("/search", json={"user": user, "query": "trades"})
    await asyncio.sleep((soon - datetime.now(UTC)).total_seconds())
    after = await memory_http.post("/search", json={"user": user, "query": "trades"})

    assert [memory["text"] for memory in before.json()["memories"]] == ["No trades today"]
    assert after.json() == {"memories": [], "degraded": False}
