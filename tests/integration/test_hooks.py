"""Programs hand work to the agent through hooks: signed, once, and never with more trust than others' text has."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from pilothouse.clock import now
from pilothouse.db import connect
from tests.fixtures.controller import Controller
from tests.fixtures.hooks import Door, opened

ASK = "How is my bot doing?"
AGE_CALLS = "UPDATE controller.hook_calls SET called_at = called_at - interval '25 hours'"


async def test_a_signed_call_that_waits_gets_the_answer(door: Door) -> None:
    answer = await door.call(ASK, wait_s=30)

    reply = answer.json()
    assert answer.status_code == 200
    assert (reply["status"], reply["error"], reply["pending_approvals"]) == ("finished", None, [])
    assert reply["answer"]


async def test_one_that_does_not_wait_is_told_where_to_look(door: Door) -> None:
    answer = await door.call(ASK)
    reply = answer.json()
    async with asyncio.timeout(30):
        while (later := await door.status(reply))["status"] != "finished":  # noqa: ASYNC110 -- another process
            await asyncio.sleep(0.1)

    assert answer.status_code == 202
    assert later["run_id"] == reply["run_id"]
    assert later["answer"]


async def test_its_thread_is_tainted_from_the_beginning(door: Door) -> None:
    reply = (await door.call(ASK, wait_s=30)).json()

    thread = (await door.owner.get(f"/api/threads/{reply['thread_id']}")).json()

    assert thread["tainted"] is True


async def test_it_goes_on_with_a_thread_it_began(door: Door) -> None:
    first = (await door.call(ASK, wait_s=30)).json()

    second = (await door.call("And now?", wait_s=30, thread_id=first["thread_id"])).json()

    thread = (await door.owner.get(f"/api/threads/{first['thread_id']}")).json()
    assert second["thread_id"] == first["thread_id"]
    assert [run["message"] for run in thread["runs"]] == [ASK, "And now?"]


async def test_a_persons_own_thread_is_closed_to_it(door: Door) -> None:
    own = (await door.owner.post("/api/chat", json={"message": "Hello"})).json()

    answer = await door.call("What did I say?", thread_id=own["thread_id"])

    thread = (await door.owner.get(f"/api/threads/{own['thread_id']}")).json()
    assert answer.status_code == 404
    assert (len(thread["runs"]), thread["tainted"]) == (1, False)


async def test_the_same_key_ten_times_at_once_starts_one_run(door: Door, controller: Controller) -> None:
    before = len(controller.run_rows())

    answers = await asyncio.gather(*(door.call(ASK, key="order-17", wait_s=30) for _ in range(10)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["run_id"] for answer in answers}) == 1
    assert len(controller.run_rows()) == before + 1


async def test_the_same_key_with_other_words_is_a_mistake_and_said_so(door: Door) -> None:
    await door.call(ASK, key="order-17")

    answer = await door.call("Something else", key="order-17")

    assert answer.status_code == 409


async def test_after_a_day_a_key_is_as_good_as_new(door: Door, controller: Controller) -> None:
    first = (await door.call(ASK, key="order-17")).json()
    with connect(controller.urls.admin) as database:
        database.execute(AGE_CALLS)

    second = (await door.call("Something else", key="order-17")).json()

    assert second["run_id"] != first["run_id"]


async def test_what_is_sent_again_as_it_was_signed_starts_nothing_new(door: Door) -> None:
    answer = await door.call(ASK)
    headers = {name: value for name, value in answer.request.headers.items() if name.startswith("webhook-")}

    again = await door.http.post(door.path, content=answer.request.content, headers=headers)

    assert again.json()["run_id"] == answer.json()["run_id"]


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_what_was_signed_minutes_from_now_is_refused(door: Door, minutes: int) -> None:
    answer = await door.call(ASK, at=now() + timedelta(minutes=minutes))

    assert answer.status_code == 401


async def test_a_changed_body_a_foreign_secret_and_none_at_all_are_refused_alike(door: Door) -> None:
    signed = await door.call(ASK)
    headers = {name: value for name, value in signed.request.headers.items() if name.startswith("webhook-")}

    changed = await door.http.post(door.path, content=signed.request.content + b" ", headers=headers)
    unknown = await door.http.post("/api/hooks/nobody", content=signed.request.content, headers=headers)
    unsigned = await door.http.post(door.path, json={"message": ASK})

    assert [each.status_code for each in (changed, unknown, unsigned)] == [401, 401, 401]
    assert changed.json() == unknown.json()


async def test_a_token_for_this_hook_opens_it(door: Door) -> None:
    answer = await door.call_with_token(ASK)

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "hook:another"},
        {"exp": 1},
        {"exp": 9_999_999_999},
        {"body_sha256": "00"},
        {"jti": None},
        {"iat": None},
    ],
)
async def test_a_token_for_another_hook_time_or_body_is_refused(door: Door, claims: dict[str, object]) -> None:
    answer = await door.call_with_token(ASK, **claims)

    assert answer.status_code == 401


async def test_an_old_secret_opens_nothing_once_there_is_a_new_one(door: Door) -> None:
    await door.owner.put(f"{door.path}/secret")

    assert (await door.call(ASK)).status_code == 401


async def test_it_shows_no_run_but_its_own(door: Door) -> None:
    own = (await door.owner.post("/api/chat", json={"message": "Hello"})).json()

    told = await door.status({"status_url": f"{door.path}/runs/{own['run_id']}"})

    assert told["error"]["code"] == "not_found"


async def test_another_user_neither_sees_nor_closes_it(door: Door, controller: Controller) -> None:
    async with opened(controller, user_id="eve") as other:
        seen = [hook["name"] for hook in (await other.owner.get("/api/hooks")).json()]
        closed = await other.owner.delete(door.path)
        rotated = await other.owner.put(f"{door.path}/secret")

    assert seen == [other.name]
    assert (closed.status_code, rotated.status_code) == (404, 404)
    assert (await door.call(ASK)).status_code == 202


async def test_a_programs_key_opens_no_door(controller: Controller) -> None:
    async with controller.client(controller.add_key()) as program:
        answer = await program.post("/api/hooks", json={"name": "mine"})

    assert answer.status_code == httpx.codes.FORBIDDEN
