"""Runs in the background: executed by workers, once, whatever happens to whoever has them."""

import asyncio

import pytest

from tests.fixtures.controller import StartController
from tests.fixtures.counting import CountingWorkflow
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


async def test_a_run_whose_worker_is_killed_is_finished_by_another_process_and_its_effect_happens_once(
    start_idle_controller: StartController, start_worker: StartWorker, counting_workflow: CountingWorkflow
) -> None:
    controller = start_idle_controller("pilothouse/rehearsal", N8N_WEBHOOK_URL=counting_workflow.url)
    workers = [await start_worker(controller), await start_worker(controller)]
    async with controller.client(controller.add_key()) as http:
        run = await start_in_background(http, "Run a workflow, and remember that I like tea")
        following = asyncio.create_task(follow(http, run["run_id"]))
        await until(lambda: len(counting_workflow.keys) == 1)
        [holder] = [worker for worker in workers if worker.begun()]

        holder.kill()
        counting_workflow.may_answer.set()

        told = await following
    [row] = controller.run_rows()
    assert (row["status"], row["attempts"]) == ("finished", 2)
    assert len(counting_workflow.keys) == 1
    assert [kind for kind, _ in told].count("run.finished") == 1
    await until(lambda: count_jobs(controller) == 0, timeout_s=60)
