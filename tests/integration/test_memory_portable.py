"""Memories leave as lines and come back as what they were: never cleaner, never more trusted, never twice."""

import json
import uuid
from typing import Any

import httpx
import pytest

PERSON = {"kind": "person", "name": "terminal"}
LINE: dict[str, Any] = {
    "text": "I trade at night",
    "tainted": False,
    "created_at": "2026-01-02T03:04:05Z",
    "source": {"kind": "person", "name": "by hand"},
}


async def _save(http: httpx.AsyncClient, user: str, text: str, **more: Any) -> str:
    body = {"user": user, "text": text, "key": text, "tainted": False, "source": PERSON, **more}
    answer = await http.post("/memories", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def _export(http: httpx.AsyncClient, user: str) -> list[dict[str, Any]]:
    answer = await http.post("/memories/export", json={"user": user})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    return sorted(lines, key=lambda line: line["text"])


async def _import(http: httpx.AsyncClient, user: str, lines: list[Any], key: str = "a file") -> dict[str, Any]:
    answer = await http.post("/memories/import", json={"user": user, "memories": lines, "key": key})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def another_user() -> str:
    return f"another-{uuid.uuid4()}"


async def test_an_export_brought_in_elsewhere_is_the_same_but_for_where_it_came_from(
    memory_http: httpx.AsyncClient, user: str, another_user: str
) -> None:
    subject: dict[str, Any] = {"strategy": "Trend", "pair": "BTC/USDT", "figures": {"profit_pct": "1.50"}, "links": []}
    run = str(uuid.uuid4())
    await _save(memory_http, user, "Trend made a profit of 1.5 %", kind="backtest", subject=subject)
    await _save(memory_http, user, "I am on holiday", expires_at="2090-01-02T00:00:00Z")
    await _save(memory_http, user, "Only spot", source={"kind": "tool", "name": "memory_save", "run_id": run})
    exported = await _export(memory_http, user)

    told = await _import(memory_http, another_user, exported)
    again = await _import(memory_http, another_user, exported)
    brought = await _export(memory_http, another_user)

    assert told == {"stored": 3, "known": 0, "refused": []}
    assert again == {"stored": 0, "known": 3, "refused": []}
    same = ("text", "kind", "state", "trust", "tainted", "created_at", "updated_at", "expires_at", "subject")
    assert [[line[name] for name in same] for line in brought] == [[line[name] for name in same] for line in exported]
    assert [line["trust"] for line in brought] == ["person", "agent", "person"]
    assert brought[1]["source"] == {
        "kind": "import",
        "name": "tool: memory_save",
        "run_id": run,
        "thread_id": None,
        "turn_id": None,
    }
    assert "vector" not in exported[0]
    assert "user_id" not in str(exported)
    assert "save_keys" not in str(exported)


async def test_what_was_forgotten_comes_back_with_its_export(memory_http: httpx.AsyncClient, user: str) -> None:
    await _save(memory_http, user, "My boat lies in Cascais")
    exported = await _export(memory_http, user)
    await memory_http.post("/memories/forget", json={"user": user, "everything": True})

    told = await _import(memory_http, user, exported)
    found = await memory_http.post("/search", json={"user": user, "query": "Where is my boat?"})

    assert told["stored"] == 1
    assert [memory["text"] for memory in found.json()["memories"]] == ["My boat lies in Cascais"]


@pytest.mark.parametrize(
    ("says", "becomes"),
    [
        ({"tainted": True}, ("quarantined", "untrusted", True)),
        ({"tainted": False, "trust": "untrusted"}, ("quarantined", "untrusted", True)),
        ({"tainted": True, "trust": "person", "state": "quarantined"}, ("quarantined", "untrusted", True)),
        ({"tainted": False, "state": "quarantined"}, ("quarantined", "person", False)),
        ({"tainted": True, "state": "served"}, ("served", "untrusted", True)),
        ({"tainted": False, "trust": "agent"}, ("served", "agent", False)),
        ({"tainted": False, "state": "superseded"}, ("superseded", "person", False)),
    ],
)
async def test_no_line_gains_trust(
    memory_http: httpx.AsyncClient, user: str, says: dict[str, Any], becomes: tuple[str, str, bool]
) -> None:
    await _import(memory_http, user, [LINE | says])

    (line,) = await _export(memory_http, user)

    assert (line["state"], line["trust"], line["tainted"]) == becomes


async def test_a_bad_line_is_told_by_its_number_and_costs_no_other(memory_http: httpx.AsyncClient, user: str) -> None:
    washed = {name: value for name, value in LINE.items() if name != "tainted"}
    lines: list[dict[str, Any]] = [
        LINE,
        LINE | {"text": ""},
        washed,
        LINE | {"text": "I come from the future", "created_at": "2099-01-01T00:00:00Z"},
        LINE | {"text": "My key is sk-or-v1-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
        LINE | {"text": "I own a scope", "user_id": "u_somebody"},
        LINE | {"text": "I trade at dusk"},
    ]

    told = await _import(memory_http, user, lines)

    assert (told["stored"], told["known"]) == (2, 0)
    assert [refused["line"] for refused in told["refused"]] == [2, 3, 4, 5, 6]
    assert all(refused["reason"] for refused in told["refused"])
    assert "tainted" in told["refused"][1]["reason"]
    assert "sk-or" not in str(told)
    assert [line["text"] for line in await _export(memory_http, user)] == ["I trade at dusk", "I trade at night"]


async def test_what_replaced_a_memory_is_still_named_after_an_import(
    memory_http: httpx.AsyncClient, user: str, another_user: str
) -> None:
    newer, older = str(uuid.uuid4()), str(uuid.uuid4())
    lines = [
        LINE | {"id": older, "text": "At most three trades", "state": "superseded", "superseded_by": newer},
        LINE | {"id": newer, "text": "At most five trades"},
    ]
    await _import(memory_http, user, lines)

    await _import(memory_http, another_user, await _export(memory_http, user))
    five, three = await _export(memory_http, another_user)

    assert three["superseded_by"] == five["id"]
    assert five["id"] not in (newer, older)


async def test_an_id_in_a_line_reaches_nobody_elses_memory(
    memory_http: httpx.AsyncClient, user: str, another_user: str
) -> None:
    target = await _save(memory_http, user, "Only spot, no margin")

    await _import(memory_http, another_user, [LINE | {"id": target, "text": "All on margin"}])

    assert [line["text"] for line in await _export(memory_http, user)] == ["Only spot, no margin"]
    assert [line["text"] for line in await _export(memory_http, another_user)] == ["All on margin"]
