"""A run that was accepted ends, once, whatever happens to the process that runs it."""

import asyncio
import os
import signal
from datetime import timedelta

import pytest

from tests.fixtures.controller import StartController, ask_and_lose
from tests.fixtures.counting import CountingWorkflow
from tests.fixtures.ledger import Ledger
from tests.fixtures.processes import Launcher
from tests.fixtures.proofs_outages import full_disk
from tests.fixtures.waiting import until

pytestmark = pytest.mark.timeout(120)

A_WHILE = timedelta(seconds=6)  # longer than from one renewal to the next
MESSAGE = "Run a workflow, and remember that I like tea"


async def test_a_run_killed_while_the_model_thinks_is_finished_by_the_next_process(
    start_own_controller: StartController, own_launcher: Launcher
) -> None:
    controller = start_own_controller("twin/slow:3")
    asking = asyncio.create_task(ask_and_lose(controller, "Hello"))
    await until(lambda: len(controller.run_rows()) == 1)
    controller.server.kill()
    await asking

    controller.start_again(own_launcher)

    await until(lambda: controller.run_rows()[0]["status"] == "finished", timeout_s=40)
    assert controller.run_rows()[0]["attempts"] == 2
    assert controller.run_rows()[0]["answer"]


async def test_a_call_that_took_effect_is_not_made_again_and_no_model_call_is_repeated(
    start_own_controller: StartController, own_launcher: Launcher, counting_workflow: CountingWorkflow
) -> None:
    controller = start_own_controller("pilothouse/rehearsal", N8N_WEBHOOK_URL=counting_workflow.url)
    asking = asyncio.create_task(ask_and_lose(controller, MESSAGE))
    await until(lambda: len(counting_workflow.keys) == 1)
    controller.server.kill()
    key = await asking
    counting_workflow.may_answer.set()

    again = controller.start_again(own_launcher)

    await until(lambda: controller.run_rows()[0]["status"] == "finished", timeout_s=40)
    [run] = controller.run_rows()
    async with again.client(key) as http:
        thread = (await http.get(f"/api/threads/{run['thread_id']}")).json()
    told = [message["content"] for message in thread["messages"] if message["name"] == "n8n_run_workflow"]
    roles = [message["role"] for message in thread["messages"]]
    thoughts = [row for row in await Ledger(controller.urls.admin).rows() if row["node"] == "think"]
    assert len(counting_workflow.keys) == 1
    assert "may have taken effect" in told[0]
    assert roles == ["user", "assistant", "tool", "tool", "assistant"]
    assert len(thoughts) == 2  # the first was answered before the crash and is not asked again
    assert run["cost_usd"] == sum(row["cost_usd"] for row in thoughts)


async def test_a_process_that_is_stopped_lets_its_runs_go_at_once(
    start_own_controller: StartController, own_launcher: Launcher
) -> None:
    controller = start_own_controller("twin/slow:15")
    asking = asyncio.create_task(ask_and_lose(controller, "Hello"))
    await until(lambda: len(controller.run_rows()) == 1)
    other = controller.start_again(own_launcher)

    controller.server.process.terminate()

    await until(lambda: controller.run_rows()[0]["attempts"] == 2, timeout_s=9)  # a lease would take 12 s
    await asking
    await until(lambda: controller.run_rows()[0]["status"] == "finished", timeout_s=40)
    assert other.server.process.poll() is None


async def test_a_process_that_was_frozen_cannot_end_a_run_that_another_one_has(
    start_own_controller: StartController, own_launcher: Launcher, counting_workflow: CountingWorkflow
) -> None:
    controller = start_own_controller("pilothouse/rehearsal", N8N_WEBHOOK_URL=counting_workflow.url)
    asking = asyncio.create_task(ask_and_lose(controller, "Run a workflow"))
    await until(lambda: len(counting_workflow.keys) == 1)
    os.kill(controller.server.pid, signal.SIGSTOP)
    counting_workflow.may_answer.set()
    controller.start_again(own_launcher)
    await until(lambda: controller.run_rows()[0]["status"] == "finished", timeout_s=40)
    ended = controller.run_rows()[0]

    os.kill(controller.server.pid, signal.SIGCONT)

    await asking
    assert controller.run_rows() == [ended]
    assert len(counting_workflow.keys) == 1


async def test_a_run_that_keeps_killing_its_process_is_given_up(
    start_own_controller: StartController, own_launcher: Launcher
) -> None:
    controller = start_own_controller("twin/slow:30")
    asking = asyncio.create_task(ask_and_lose(controller, "Hello"))
    await until(lambda: len(controller.run_rows()) == 1)
    controller.server.kill()
    await asking
    controller.set_attempts(5)

    controller.start_again(own_launcher)

    await until(lambda: controller.run_rows()[0]["status"] == "failed", timeout_s=40)
    assert "interrupted 5 times" in controller.run_rows()[0]["error"]["message"]


async def test_a_run_waits_for_a_full_disk_in_the_process_that_has_it_however_long_that_takes(
    start_own_controller: StartController, counting_workflow: CountingWorkflow
) -> None:
    controller = start_own_controller("pilothouse/rehearsal", N8N_WEBHOOK_URL=counting_workflow.url)
    asking = asyncio.create_task(ask_and_lose(controller, "Run a workflow"))
    await until(lambda: len(counting_workflow.keys) == 1)

    with full_disk(controller.urls):
        held_until = controller.lease_rows()[0]["expires_at"]
        counting_workflow.may_answer.set()
        await until(lambda: controller.lease_rows()[0]["expires_at"] > held_until + A_WHILE)
        assert controller.run_rows()[0]["attempts"] == 1

    await asking
    [run] = controller.run_rows()
    assert (run["status"], run["attempts"], len(counting_workflow.keys)) == ("finished", 2, 1)


async def test_the_thread_of_a_killed_run_takes_the_next_message_once_the_run_has_ended(
    start_own_controller: StartController, own_launcher: Launcher
) -> None:
    controller = start_own_controller("twin/slow:2")
    asking = asyncio.create_task(ask_and_lose(controller, "First"))
    await until(lambda: len(controller.run_rows()) == 1)
    controller.server.kill()
    key = await asking
    again = controller.start_again(own_launcher)
    thread_id = str(controller.run_rows()[0]["thread_id"])
    async with again.client(key) as http:
        early = await http.post("/api/chat", json={"message": "Second", "thread_id": thread_id})
        await until(lambda: controller.run_rows()[0]["status"] == "finished", timeout_s=40)
        late = await http.post("/api/chat", json={"message": "Second", "thread_id": thread_id})
        thread = (await http.get(f"/api/threads/{thread_id}")).json()

    assert (early.status_code, late.status_code) == (409, 200)
    assert [message["role"] for message in thread["messages"]] == ["user", "assistant", "user", "assistant"]
