"""One Idempotency-Key, one run: however often, wherever and when the request arrives."""

import asyncio
import uuid

import httpx
import pytest

from pilothouse.db import connect
from tests.fixtures.controller import Controller, StartController, read_events

ROUTES = ("/api/chat", "/api/runs")
PRUNE = "UPDATE controller.runs SET pruned_at = now() WHERE id = %s"
FORGET = "DELETE FROM controller.run_events WHERE run_id = %s"


@pytest.mark.parametrize("route", ROUTES)
async def test_an_empty_key_is_no_key(controller: Controller, http: httpx.AsyncClient, route: str) -> None:
    before = len(controller.run_rows())

    replies = [await http.post(route, json={"message": "Hello"}, headers={"Idempotency-Key": ""}) for _ in range(2)]

    assert all(reply.is_success for reply in replies)
    assert [row["idempotency_key"] for row in controller.run_rows()[before:]] == [None, None]


@pytest.mark.parametrize("route", ROUTES)
async def test_a_key_names_the_first_run_for_the_same_request_and_nothing_for_another(
    http: httpx.AsyncClient, route: str
) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    thread_id = (await http.post("/api/chat", json={"message": "Hi"})).json()["thread_id"]

    first = (await http.post(route, json={"message": "Hello"}, headers=key)).json()
    same = await http.post(route, json={"message": "Hello"}, headers=key)
    other_message = await http.post(route, json={"message": "Sell everything"}, headers=key)
    other_thread = await http.post(route, json={"message": "Hello", "thread_id": thread_id}, headers=key)

    assert same.json()["run_id"] == first["run_id"]
    for refused in (other_message, other_thread):
        assert refused.status_code == 409
        assert "another message or thread" in refused.json()["error"]["message"]
        assert first["run_id"] in refused.json()["error"]["hint"]


async def test_a_message_to_a_thread_is_another_request_than_the_same_message_to_a_new_one(
    http: httpx.AsyncClient,
) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    thread_id = (await http.post("/api/chat", json={"message": "Hi"})).json()["thread_id"]

    first = await http.post("/api/chat", json={"message": "Hello", "thread_id": thread_id}, headers=key)
    same = await http.post("/api/chat", json={"message": "Hello", "thread_id": thread_id}, headers=key)
    other = await http.post("/api/chat", json={"message": "Hello"}, headers=key)

    assert same.json()["run_id"] == first.json()["run_id"]
    assert other.status_code == 409


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("on_a_thread", [False, True])
async def test_requests_that_arrive_at_once_all_get_the_one_run(
    controller: Controller, http: httpx.AsyncClient, *, background: bool, on_a_thread: bool
) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"message": "Hello", "background": background}
    if on_a_thread:
        body["thread_id"] = (await http.post("/api/chat", json={"message": "Hi"})).json()["thread_id"]
    before = len(controller.run_rows())

    replies = await asyncio.gather(*(http.post("/api/runs", json=body, headers=key) for _ in range(6)))

    assert [reply.status_code for reply in replies] == [202] * 6
    assert len({reply.json()["run_id"] for reply in replies}) == 1
    assert len(controller.run_rows()) == before + 1


async def test_whoever_asks_again_while_the_run_is_under_way_gets_its_answer_whole_or_streamed(
    start_own_controller: StartController,
) -> None:
    controller = start_own_controller("twin/slow:1")
    headers = {"Idempotency-Key": "once"}
    body = {"message": "Hello"}
    async with controller.client(controller.add_key()) as http:
        whole = await asyncio.gather(*(http.post("/api/chat", json=body, headers=headers) for _ in range(3)))
        headers["Accept"] = "text/event-stream"
        async with http.stream("POST", "/api/chat", json=body, headers=headers) as response:
            told = await read_events(response)

    [run] = controller.run_rows()
    assert {reply.json()["answer"] for reply in whole} == {run["answer"]}
    assert told[-1][0] == "run.finished"
    assert told[-1][1]["run_id"] == str(run["id"])


async def test_the_answer_to_a_repeated_request_names_the_tools_as_the_first_did(http: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"message": "Remember that I like tea"}

    first, again = [(await http.post("/api/chat", json=body, headers=key)).json() for _ in range(2)]

    assert first["tool_calls"]
    assert again == first


async def test_long_after_the_answer_is_still_there_and_the_story_is_gone(
    controller: Controller, http: httpx.AsyncClient
) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first = (await http.post("/api/chat", json={"message": "Hello"}, headers=key)).json()
    with connect(controller.urls.admin) as connection:
        connection.execute(FORGET, (first["run_id"],))
        connection.execute(PRUNE, (first["run_id"],))

    answer = await http.post("/api/chat", json={"message": "Hello"}, headers=key)
    story = await http.post("/api/chat", json={"message": "Hello"}, headers=key | {"Accept": "text/event-stream"})

    assert answer.json()["answer"] == first["answer"]
    assert story.status_code == 410
    assert first["thread_id"] in story.json()["error"]["hint"]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("key", ["x" * 201, "a\tb", "caf\xe9", "a\x01b"])
async def test_a_key_that_is_too_long_or_not_plain_text_is_refused(
    controller: Controller, http: httpx.AsyncClient, route: str, key: str
) -> None:
    before = len(controller.run_rows())

    headers = [(b"Idempotency-Key", key.encode("latin-1"))]
    reply = await http.post(route, json={"message": "Hello"}, headers=headers)

    assert reply.status_code in (400, 422)
    assert len(controller.run_rows()) == before
