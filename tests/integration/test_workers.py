"""Runs in the background: executed by workers, in order on each thread, no more at once than a worker has hands."""

import asyncio
import itertools
from typing import Any

import pytest

from tests.fixtures.controller import StartController
from tests.fixtures.waiting import until
from tests.fixtures.workers import StartWorker, count_jobs, follow, start_in_background

pytestmark = pytest.mark.timeout(180)


async def test_workers_share_the_runs_and_the_controller_follows_them_without_a_gap(
    start_idle_controller: StartController, start_worker: StartWorker
) -> None:
    controller = start_idle_controller("twin/slow:1")
    first, second = await start_worker(controller), await start_worker(controller, PILOTHOUSE_BACKGROUND_RUNS="2")
    async with controller.client(controller.add_key()) as http:
        runs = [(await start_in_background(http, f"Hello {number}"))["run_id"] for number in range(12)]

        told = await asyncio.gather(*(follow(http, run_id) for run_id in runs))
        again = [await follow(http, run_id, after=2) for run_id in runs]

    assert sorted(first.begun() + second.begun()) == sorted(runs)
    assert first.begun()
    assert second.begun()
    assert {row["status"] for row in controller.run_rows()} == {"finished"}
    assert [events[-1][0] for events in told] == ["run.finished"] * 12
    assert again == [events[2:] for events in told]
    for events in told:
        words = "".join(fields["text"] for kind, fields in events if kind == "message.delta")
        assert events[-1][1]["answer"] == words
    await until(lambda: count_jobs(controller) == 0)


async def test_runs_on_one_thread_keep_their_order_whichever_worker_has_them_and_whether_anyone_waits_for_them(
    start_idle_controller: StartController, start_worker: StartWorker
) -> None:
    controller = start_idle_controller("twin/slow:0.2")
    for _ in range(2):
        await start_worker(controller)
    async with controller.client(controller.add_key()) as http:
        first = await start_in_background(http, "0")
        body: dict[str, Any] = {"thread_id": first["thread_id"], "if_busy": "enqueue"}
        for number in range(1, 9):
            background = number % 3 != 0
            await http.post("/api/runs", json={"message": str(number), "background": background, **body})
        await until(lambda: all(row["status"] == "finished" for row in controller.run_rows()), timeout_s=60)
        thread = (await http.get(f"/api/threads/{first['thread_id']}")).json()

    asked = [message["content"] for message in thread["messages"] if message["role"] == "user"]
    rows = sorted(controller.run_rows(), key=lambda row: row["started_at"])
    assert asked == [str(number) for number in range(9)]
    assert all(before["ended_at"] <= after["started_at"] for before, after in itertools.pairwise(rows))


async def test_a_worker_with_two_hands_has_two_runs_at_a_time_however_many_threads_wait(
    start_idle_controller: StartController, start_worker: StartWorker
) -> None:
    controller = start_idle_controller("twin/slow:0.3")
    async with controller.client(controller.add_key()) as http:
        for _ in range(4):
            first = await start_in_background(http, "Hello")
            for _ in range(2):
                await start_in_background(http, "And?", thread_id=first["thread_id"], if_busy="enqueue")

        await start_worker(controller, PILOTHOUSE_BACKGROUND_RUNS="2")

        await until(lambda: all(row["status"] == "finished" for row in controller.run_rows()), timeout_s=60)
    rows = controller.run_rows()
    at_once = [sum(row["started_at"] <= each["started_at"] < row["ended_at"] for row in rows) for each in rows]
    assert len(rows) == 12
    assert max(at_once) == 2


async def test_without_a_worker_a_run_waits_and_a_cancelled_one_is_not_begun_by_the_next(
    start_idle_controller: StartController, start_worker: StartWorker
) -> None:
    controller = start_idle_controller("pilothouse/rehearsal")
    async with controller.client(controller.add_key()) as http:
        cancelled = await start_in_background(http, "Hello")
        kept = await start_in_background(http, "Hello")
        ended = (await http.post(f"/api/runs/{cancelled['run_id']}/cancel")).json()
        told = await follow(http, cancelled["run_id"])
        waiting = (await http.get(f"/api/runs/{kept['run_id']}")).json()

        worker = await start_worker(controller)

        await until(lambda: controller.run_rows()[1]["status"] == "finished")
    assert (cancelled["status"], ended["status"], waiting["status"]) == ("queued", "cancelled", "queued")
    assert [kind for kind, _ in told] == ["run.cancelled"]
    assert worker.begun() == [kept["run_id"]]
    await until(lambda: count_jobs(controller) == 0)


async def test_the_controller_alone_works_runs_in_the_background_off(start_own_controller: StartController) -> None:
    controller = start_own_controller("pilothouse/rehearsal")
    async with controller.client(controller.add_key()) as http:
        run = await start_in_background(http, "Remember that I like tea")

        told = await follow(http, run["run_id"])

    assert told[-1][0] == "run.finished"
