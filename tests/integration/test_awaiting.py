"""What needs a person's approval is waited for outside of runs, and its thread is told once what became of it."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.fixtures.controller import Controller, StartController, ask_and_lose, stream_chat
from tests.fixtures.intents import IntentsBroker
from tests.fixtures.processes import Launcher
from tests.fixtures.waiting import until

pytestmark = pytest.mark.timeout(120)

BUY = "Buy BTC/USDT for 50 USDT"


@pytest.fixture
def controller(start_own_controller: StartController, intents_broker: IntentsBroker) -> Controller:
    """One whose broker is in the test's hands."""
    return start_own_controller("pilothouse/rehearsal", PILOTHOUSE_BROKER_URL=intents_broker.url)


def statuses(controller: Controller) -> list[str]:
    """Of all runs, oldest first."""
    return [row["status"] for row in controller.run_rows()]


async def told(http: httpx.AsyncClient, controller: Controller) -> list[dict[str, Any]]:
    """The messages of the first run's thread."""
    thread_id = controller.run_rows()[0]["thread_id"]
    return (await http.get(f"/api/threads/{thread_id}")).json()["messages"]


async def test_the_run_that_proposed_ends_and_says_what_it_waits_for(
    controller: Controller, intents_broker: IntentsBroker
) -> None:
    async with controller.client(controller.add_key()) as http:
        events = await stream_chat(http, BUY)

    kinds = [kind for kind, _ in events]
    asked = next(fields for kind, fields in events if kind == "approval.requested")
    answer = events[-1][1]["answer"]
    assert kinds[-1] == "run.finished"
    assert kinds.count("checkpoint.saved") == 1
    assert asked["intent_id"] == intents_broker.only["id"]
    assert asked["summary"].startswith("buy BTC/USDT for 50 at about 58090.98")
    assert answer.startswith("Waiting for approval: buy BTC/USDT for 50 at about 58090.98")


async def test_while_an_approval_is_awaited_the_thread_answers_other_messages(
    controller: Controller, intents_broker: IntentsBroker
) -> None:
    async with controller.client(controller.add_key()) as http:
        first = (await http.post("/api/chat", json={"message": BUY})).json()
        body = {"message": "What did I tell you about tea?", "thread_id": first["thread_id"]}
        second = await http.post("/api/chat", json=body)

    assert second.status_code == httpx.codes.OK
    assert intents_broker.only["state"] == "awaiting_approval"


async def test_the_decision_starts_a_run_that_asks_the_broker_and_proposes_nothing_again(
    controller: Controller, intents_broker: IntentsBroker
) -> None:
    async with controller.client(controller.add_key()) as http:
        await http.post("/api/chat", json={"message": BUY})
        intents_broker.only.update(state="filled", fill={"rate": "58091"})
        await until(lambda: statuses(controller) == ["finished", "finished"])
        messages = await told(http, controller)

    assert [message["role"] for message in messages[-4:]] == ["user", "assistant", "tool", "assistant"]
    assert messages[-3]["tool_calls"][0]["name"] == "freqtrade_list_intents"
    assert "is filled (rate: 58091)" in messages[-1]["content"]
    assert len(intents_broker.posts) == 1


async def test_a_refused_proposal_is_not_waited_for(controller: Controller, intents_broker: IntentsBroker) -> None:
    async with controller.client(controller.add_key()) as http:
        intents_broker.may_answer.clear()
        asking = asyncio.create_task(http.post("/api/chat", json={"message": BUY}))
        await until(lambda: len(intents_broker.posts) == 1)
        refusal = {"code": "max_stake", "message": "the stake is too high"}
        intents_broker.only.update(state="refused", refusals=[refusal])
        intents_broker.may_answer.set()
        reply = (await asking).json()

    assert "is refused: the stake is too high" in reply["answer"]
    assert statuses(controller) == ["finished"]


async def test_a_decision_made_while_everything_was_down_is_told_once_by_two_processes(
    controller: Controller, intents_broker: IntentsBroker, own_launcher: Launcher
) -> None:
    key = await ask_and_lose(controller, BUY)
    controller.server.kill()
    intents_broker.only.update(state="rejected")

    again = controller.start_again(own_launcher)
    controller.start_again(own_launcher)

    await until(lambda: statuses(again) == ["finished", "finished"])
    await asyncio.sleep(3)  # three looks of both
    async with again.client(key) as http:
        messages = await told(http, again)
    assert statuses(again) == ["finished", "finished"]
    assert "is rejected" in messages[-1]["content"]


async def test_a_process_killed_while_it_proposes_waits_for_one_and_the_same_intent(
    controller: Controller, intents_broker: IntentsBroker, own_launcher: Launcher
) -> None:
    intents_broker.may_answer.clear()
    asking = asyncio.create_task(ask_and_lose(controller, BUY))
    await until(lambda: len(intents_broker.posts) == 1)
    controller.server.kill()
    await asking
    intents_broker.may_answer.set()

    again = controller.start_again(own_launcher)

    await until(lambda: statuses(again) == ["finished"], timeout_s=40)
    intents_broker.only.update(state="expired")
    await until(lambda: statuses(again) == ["finished", "finished"])
    assert len(intents_broker.posts) == 1


async def test_an_intent_that_a_person_edited_is_waited_for_in_its_new_form(
    controller: Controller, intents_broker: IntentsBroker
) -> None:
    async with controller.client(controller.add_key()) as http:
        await http.post("/api/chat", json={"message": BUY})
        old = intents_broker.only
        new = old | {"id": "0b7e8f56-4d0c-4b5a-9a53-0d1f5a7c2e11", "stake": "20", "state": "filled"}
        intents_broker.intents[new["id"]] = new
        old.update(state="rejected", replaced_by=new["id"])
        await until(lambda: statuses(controller) == ["finished", "finished"])
        messages = await told(http, controller)

    assert "Buying BTC/USDT for 20 is filled" in messages[-1]["content"]


async def test_an_intent_that_nobody_can_tell_of_keeps_no_other_from_being_told(
    controller: Controller, intents_broker: IntentsBroker
) -> None:
    async with controller.client(controller.add_key()) as http:
        await http.post("/api/chat", json={"message": BUY})
        intents_broker.intents.clear()  # what it asks for now is answered with an error
        await http.post("/api/chat", json={"message": "Buy ETH/USDT for 50 USDT"})
        intents_broker.only.update(state="rejected")
        await until(lambda: statuses(controller) == ["finished"] * 3)

    assert controller.run_rows()[2]["thread_id"] == controller.run_rows()[1]["thread_id"]
