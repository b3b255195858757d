"""Answers are brought to where the hook allows, signed, again and again until they are taken, and whoever dies."""

import asyncio

import pytest
from aiohttp import web

from pilothouse.db import connect
from tests.fixtures.controller import Controller, StartController
from tests.fixtures.hooks import Door, Receiver, opened
from tests.fixtures.processes import Launcher

ASK = "How is my bot doing?"
DUE = "UPDATE controller.deliveries SET next_at = now() WHERE delivered_at IS NULL"
LAST = "UPDATE controller.deliveries SET attempts = 99, next_at = now()"


async def deliveries(door: Door) -> list[dict[str, object]]:
    """Of this hook."""
    return [each for each in (await door.owner.get("/api/deliveries")).json() if each["hook"] == door.name]


async def until_delivered(door: Door) -> None:
    """Until nothing of this hook waits."""
    async with asyncio.timeout(30):
        while not all(each["delivered_at"] for each in await deliveries(door)):  # noqa: ASYNC110 -- another process
            await asyncio.sleep(0.1)


async def test_the_answer_is_brought_signed_with_all_that_a_workflow_needs(
    controller: Controller, receiver: Receiver
) -> None:
    async with opened(controller, callbacks=receiver.url) as door:
        reply = (await door.call(ASK, callback_url=f"{receiver.url}7?signature=abc")).json()
        await receiver.wait_for(1)
        message_id, body = receiver.said(0, secret=door.secret)

    assert message_id == body["run_id"] == reply["run_id"]
    assert (body["type"], body["status"], body["error"]) == ("run.ended", "finished", None)
    assert body["answer"]
    assert "freqtrade_get_status" in [call["name"] for call in body["tool_calls"]]
    assert {"cost_usd", "pending_approvals", "thread_id"} <= body.keys()


@pytest.mark.parametrize(
    "refusal", [(500, "down"), (404, "not registered"), (409, "The execution 7 is running already.")]
)
async def test_what_is_not_taken_is_brought_again_under_the_same_id(
    controller: Controller, receiver: Receiver, refusal: tuple[int, str]
) -> None:
    receiver.refusals = [web.Response(status=refusal[0], text=refusal[1])]
    async with opened(controller, callbacks=receiver.url) as door:
        await door.call(ASK, callback_url=f"{receiver.url}7")
        await receiver.wait_for(2)
        ids = {receiver.said(index, secret=door.secret)[0] for index in range(2)}
        await until_delivered(door)

    assert len(ids) == 1


async def test_n8n_that_has_it_already_is_left_alone(controller: Controller, receiver: Receiver) -> None:
    receiver.refusals = [web.Response(status=409, text='{"message": "The execution 7 has finished already."}')]
    async with opened(controller, callbacks=receiver.url) as door:
        await door.call(ASK, callback_url=f"{receiver.url}7")
        await until_delivered(door)

    assert len(receiver.heard) == 1


async def test_a_redirect_is_not_followed(controller: Controller, receiver: Receiver) -> None:
    receiver.refusals = [web.Response(status=302, headers={"Location": f"{receiver.url}8"})]
    async with opened(controller, callbacks=receiver.url) as door:
        await door.call(ASK, callback_url=f"{receiver.url}7")
        await receiver.wait_for(2)

    assert len(receiver.heard) == 2


async def test_what_nobody_takes_is_given_up_and_a_person_may_send_it_again(
    controller: Controller, receiver: Receiver
) -> None:
    receiver.refusals = [web.Response(status=500), web.Response(status=500)]
    async with opened(controller, callbacks=receiver.url) as door:
        reply = (await door.call(ASK, callback_url=f"{receiver.url}7")).json()
        await receiver.wait_for(1)
        with connect(controller.urls.admin) as database:
            database.execute(LAST)
        await receiver.wait_for(2)
        async with asyncio.timeout(10):
            while not (dead := (await door.owner.get("/api/deliveries", params={"dead": True})).json()):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await door.owner.post(f"/api/deliveries/{reply['run_id']}/replay")
        await until_delivered(door)

    assert [each["run_id"] for each in dead] == [reply["run_id"]]
    assert dead[0]["error"].startswith("500")
    assert len(receiver.heard) == 3


@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://127.0.0.1:1/webhook-waiting/7",
        "{root}/rest/login",
        "{root}/webhook-waiting/../rest/login",
        "file:///etc/passwd",
    ],
)
async def test_an_answer_goes_nowhere_but_where_the_owner_allowed(
    controller: Controller, receiver: Receiver, elsewhere: str
) -> None:
    root = receiver.url.removesuffix("/webhook-waiting/")
    async with opened(controller, callbacks=receiver.url) as door:
        answer = await door.call(ASK, callback_url=elsewhere.format(root=root))

    assert answer.status_code == 403


async def test_a_controller_that_was_killed_before_it_brought_an_answer_brings_it_when_it_is_back(
    start_own_controller: StartController, own_launcher: Launcher, receiver: Receiver
) -> None:
    controller = start_own_controller("twin/slow:2")
    async with opened(controller, callbacks=receiver.url) as door:
        await door.call(ASK, callback_url=f"{receiver.url}7")
        controller.server.kill()
        again = controller.start_again(own_launcher)
        await receiver.wait_for(1)
        assert receiver.said(0, secret=door.secret)[1]["status"] in ("finished", "failed")
    assert again.server.process.poll() is None
