"""What a run did stays known, whichever way the run ends or moves to another process."""

import asyncio
import os
import signal
from typing import Any

import httpx
import pytest

from pilothouse.db import connect
from tests.fixtures.controller import Controller, StartController, ask_and_lose
from tests.fixtures.counting import CountingWorkflow
from tests.fixtures.ledger import Ledger
from tests.fixtures.processes import Launcher
from tests.fixtures.waiting import until

pytestmark = pytest.mark.timeout(180)

TWO_CALLS = "Run a workflow, and remember that I like tea"
ASLEEP_S = 14  # longer than a lease


def tool_results(thread: dict[str, Any]) -> dict[str, str]:
    """What came of each tool, by its name."""
    return {message["name"]: message["content"] for message in thread["messages"] if message["role"] == "tool"}


async def is_done(http: httpx.AsyncClient, run_id: str, tool: str) -> bool:
    """Whether a tool call of a run under way has ended."""
    async with http.stream("GET", f"/api/runs/{run_id}/events") as response:
        async for line in response.aiter_lines():
            if line.startswith("data: ") and '"status"' in line and tool in line:
                return True
    return False


async def test_what_took_effect_before_a_cancel_is_known_to_the_next_message(
    start_own_controller: StartController, counting_workflow: CountingWorkflow
) -> None:
    controller = start_own_controller("pilothouse/rehearsal", N8N_WEBHOOK_URL=counting_workflow.url)
    async with controller.client(controller.add_key()) as http:
        run = (await http.post("/api/runs", json={"message": TWO_CALLS})).json()
        assert await is_done(http, run["run_id"], "memory_save")

        await http.post(f"/api/runs/{run['run_id']}/cancel")
        await until(lambda: controller.run_rows()[0]["status"] == "cancelled")
        later = await http.post("/api/chat", json={"message": "Hello", "thread_id": run["thread_id"]})
        thread = (await http.get(f"/api/threads/{run['thread_id']}")).json()

    assert later.status_code == httpx.codes.OK
    assert '"I like tea"' in tool_results(thread)["memory_save"]
    assert "may have taken effect" in tool_results(thread)["n8n_run_workflow"]
    roles = [message["role"] for message in thread["messages"]]
    assert roles == ["user", "assistant", "tool", "tool", "user", "assistant"]


async def test_what_a_killed_run_did_is_kept_when_it_is_cancelled_before_anyone_takes_it_over(
    start_own_controller: StartController, own_launcher: Launcher, counting_workflow: CountingWorkflow
) -> None:
    controller = start_own_controller("pilothouse/rehearsal", N8N_WEBHOOK_URL=counting_workflow.url)
    other = controller.start_again(own_launcher)
    key = controller.add_key()
    async with controller.client(key) as http:
        run = (await http.post("/api/runs", json={"message": TWO_CALLS})).json()
        assert await is_done(http, run["run_id"], "memory_save")
    controller.server.kill()

    async with other.client(key) as http:
        await http.post(f"/api/runs/{run['run_id']}/cancel")
        await until(lambda: other.run_rows()[0]["status"] == "cancelled", timeout_s=60)
        thread = (await http.get(f"/api/threads/{run['thread_id']}")).json()

    assert '"I like tea"' in tool_results(thread)["memory_save"]
    assert "may have taken effect" in tool_results(thread)["n8n_run_workflow"]
    assert len(counting_workflow.keys) == 1


async def test_a_run_that_moves_to_another_process_costs_what_all_its_calls_cost_and_tells_nothing_twice(
    start_own_controller: StartController, own_launcher: Launcher, counting_workflow: CountingWorkflow
) -> None:
    controller = start_own_controller("pilothouse/rehearsal", N8N_WEBHOOK_URL=counting_workflow.url)
    asking = asyncio.create_task(ask_and_lose(controller, TWO_CALLS))
    await until(lambda: len(counting_workflow.keys) == 1)
    other = controller.start_again(own_launcher)
    controller.server.process.terminate()
    key = await asking

    await until(lambda: other.run_rows()[0]["status"] == "finished", timeout_s=60)

    [run] = other.run_rows()
    events = await all_events(other, key, str(run["id"]))
    thoughts = [row for row in await Ledger(controller.urls.admin).rows() if row["node"] == "think"]
    assert run["attempts"] == 2
    assert run["cost_usd"] == sum(row["cost_usd"] for row in thoughts) > 0
    assert sorted(events.count(kind) for kind in ("tool.finished", "usage.recorded")) == [2, len(thoughts)]
    assert events.count("run.finished") == 1


def has_lease(controller: Controller) -> bool:
    """Whether some process holds a run now."""
    with connect(controller.urls.admin) as connection:
        return (
            connection.execute("SELECT FROM controller.thread_leases WHERE expires_at > now()").fetchone() is not None
        )


async def test_a_process_that_slept_through_its_lease_goes_on_with_its_run_and_can_still_cancel_it(
    start_own_controller: StartController,
) -> None:
    controller = start_own_controller("twin/slow:60")
    async with controller.client(controller.add_key()) as http:
        run = (await http.post("/api/runs", json={"message": "Hello"})).json()
        await until(lambda: controller.run_rows()[0]["status"] == "running")
        os.kill(controller.server.pid, signal.SIGSTOP)
        await asyncio.sleep(ASLEEP_S)
        os.kill(controller.server.pid, signal.SIGCONT)
        await until(lambda: has_lease(controller))  # renewed, or taken over from itself, whichever came first

        await http.post(f"/api/runs/{run['run_id']}/cancel")
        await until(lambda: controller.run_rows()[0]["status"] == "cancelled")
        again = await http.post("/api/runs", json={"message": "Again", "thread_id": run["thread_id"]})

    assert again.status_code == httpx.codes.ACCEPTED
    assert "never retrieved" not in controller.server.log.read_text()


async def test_a_nul_character_in_a_workflows_answer_is_left_out_and_ends_nothing(
    start_own_controller: StartController, counting_workflow: CountingWorkflow
) -> None:
    counting_workflow.says = {"answer": "done \0 ok"}
    counting_workflow.may_answer.set()
    controller = start_own_controller("pilothouse/rehearsal", N8N_WEBHOOK_URL=counting_workflow.url)
    async with controller.client(controller.add_key()) as http:
        reply = (await http.post("/api/chat", json={"message": "Run a workflow"})).json()

    [call] = reply["tool_calls"]
    assert call["status"] == "ok"
    assert "done  ok" in str(call["result"])


async def test_many_interrupting_messages_never_leave_a_thread_waiting_for_a_lease(
    start_own_controller: StartController,
) -> None:
    controller = start_own_controller("twin/slow:0.05")
    async with controller.client(controller.add_key()) as http:
        first = (await http.post("/api/chat", json={"message": "Begin"})).json()
        body = {"thread_id": first["thread_id"], "if_busy": "interrupt"}
        for number in range(30):
            await http.post("/api/runs", json={"message": f"Message {number}", **body})
            await asyncio.sleep(0.02 + number % 7 * 0.02)
        await until(lambda: all(row["ended_at"] for row in controller.run_rows()), timeout_s=60)

    rows = controller.run_rows()
    assert max(row["attempts"] for row in rows) == 1  # nobody had to take over what was merely cancelled too late
    assert rows[-1]["status"] == "finished"


async def all_events(controller: Controller, key: str, run_id: str) -> list[str]:
    """The kinds of a run's events, in order."""
    async with controller.client(key) as http, http.stream("GET", f"/api/runs/{run_id}/events") as response:
        return [line.removeprefix("event: ") async for line in response.aiter_lines() if line.startswith("event: ")]
