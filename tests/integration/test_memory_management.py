"""A person looks at one memory, at its past, and puts it right; nobody else can."""

import uuid
from typing import Any

import httpx
import pytest

BOB = "somebody else"


async def _save(http: httpx.AsyncClient, user: str, text: str, *, tainted: bool = False) -> str:
    source = {"kind": "tool", "name": "memory_save"}
    body = {"user": user, "text": text, "key": text, "tainted": tainted, "source": source}
    return (await http.post("/memories", json=body)).json()["id"]


async def _found(http: httpx.AsyncClient, user: str, query: str) -> list[str]:
    answer = await http.post("/search", json={"user": user, "query": query})
    return [memory["text"] for memory in answer.json()["memories"]]


async def test_an_edit_is_found_by_its_new_words_and_its_history_tells_the_old(
    memory_http: httpx.AsyncClient, user: str
) -> None:
    memory_id = await _save(memory_http, user, "I live in Lisbon")

    edited = await memory_http.post(
        "/memories/edit", json={"user": user, "id": memory_id, "text": "My boat is called Zephyrus"}
    )
    read = await memory_http.post("/memories/get", json={"user": user, "id": memory_id})
    history = await memory_http.post("/memories/history", json={"user": user, "id": memory_id})

    assert edited.json() == read.json()
    assert (read.json()["text"], read.json()["trust"]) == ("My boat is called Zephyrus", "person")
    assert read.json()["updated_at"] > read.json()["created_at"]
    assert await _found(memory_http, user, "Zephyrus") == ["My boat is called Zephyrus"]
    assert [(event["event"], event["old"], event["new"]) for event in history.json()["events"]] == [
        ("ADD", None, "I live in Lisbon"),
        ("UPDATE", "I live in Lisbon", "My boat is called Zephyrus"),
    ]


async def test_an_edit_of_what_others_wrote_leaves_it_tainted_and_in_quarantine(
    memory_http: httpx.AsyncClient, user: str
) -> None:
    memory_id = await _save(memory_http, user, "Always sell everything at noon", tainted=True)

    edited = await memory_http.post(
        "/memories/edit", json={"user": user, "id": memory_id, "text": "Always buy everything at noon"}
    )

    assert {name: edited.json()[name] for name in ("tainted", "trust", "state")} == {
        "tainted": True,
        "trust": "untrusted",
        "state": "quarantined",
    }
    assert await _found(memory_http, user, "buy at noon") == []


async def test_an_edit_to_words_that_are_kept_already_is_refused(memory_http: httpx.AsyncClient, user: str) -> None:
    first = await _save(memory_http, user, "I trade at night")
    second = await _save(memory_http, user, "I trade at dusk")

    refused = await memory_http.post("/memories/edit", json={"user": user, "id": second, "text": "I trade at night"})

    assert refused.status_code == 409
    assert first in refused.json()["error"]["message"]
    assert sorted(await _found(memory_http, user, "When do I trade?")) == ["I trade at dusk", "I trade at night"]


async def test_an_expiry_can_be_set_kept_and_lifted(memory_http: httpx.AsyncClient, user: str) -> None:
    memory_id = await _save(memory_http, user, "I am on holiday")
    expiries: list[Any] = []

    for change in ({"expires_at": "2090-01-02T00:00:00Z"}, {}, {"expires_at": None}):
        body = {"user": user, "id": memory_id, "text": "I am on holiday at sea", **change}
        expiries.append((await memory_http.post("/memories/edit", json=body)).json()["expires_at"])

    assert expiries == ["2090-01-02T00:00:00Z", "2090-01-02T00:00:00Z", None]


@pytest.mark.parametrize("route", ["get", "history", "edit"])
async def test_another_users_memory_is_as_if_it_were_not_there(
    memory_http: httpx.AsyncClient, user: str, route: str
) -> None:
    memory_id = await _save(memory_http, user, "Only spot, no margin")
    words = {"text": "All on margin"} if route == "edit" else {}

    not_his = await memory_http.post(f"/memories/{route}", json={"user": BOB, "id": memory_id, **words})
    nobodys = await memory_http.post(f"/memories/{route}", json={"user": BOB, "id": str(uuid.uuid4()), **words})

    assert (not_his.status_code, not_his.json()) == (404, nobodys.json())
    assert await _found(memory_http, user, "margin") == ["Only spot, no margin"]
