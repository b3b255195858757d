"""A run in the background ends, once, whatever happens to the worker that has it, and to its job."""

import asyncio

import pytest

from pilothouse.db import connect
from tests.fixtures.controller import StartController
from tests.fixtures.counting import CountingWorkflow
from tests.fixtures.openrouter_twin import OpenRouterTwin
from tests.fixtures.waiting import until
from tests.fixtures.workers import StartWorker, cancel, count_jobs, follow, start_in_background

pytestmark = pytest.mark.timeout(180)

# As a worker leaves it that was killed between its job and its run.
TAKE_AND_DIE = """
    WITH dead AS (
        INSERT INTO jobs.procrastinate_workers (last_heartbeat)
        VALUES (now() - interval '1 hour')
        RETURNING id
    )
    UPDATE jobs.procrastinate_jobs
    SET status = 'doing', worker_id = dead.id
    FROM dead
    WHERE task_name = 'execute_run'"""
DELIVER_AGAIN = """
    INSERT INTO jobs.procrastinate_jobs (queue_name, task_name, args)
    SELECT queue_name, task_name, args
    FROM jobs.procrastinate_jobs
    WHERE task_name = 'execute_run'"""


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


async def test_a_worker_that_is_stopped_lets_its_run_go_on_elsewhere_at_once(
    start_idle_controller: StartController, start_worker: StartWorker
) -> None:
    controller = start_idle_controller("twin/slow:6")
    worker = await start_worker(controller)
    async with controller.client(controller.add_key()) as http:
        run = await start_in_background(http, "Hello")
        await until(lambda: worker.begun() == [run["run_id"]])
        other = await start_worker(controller)

        status = worker.stop()

        await until(lambda: controller.run_rows()[0]["attempts"] == 2, timeout_s=9)  # a lease would take 12 s
        told = await follow(http, run["run_id"])
    assert status == 0
    assert told[-1][0] == "run.finished"
    assert other.process.poll() is None
    await until(lambda: count_jobs(controller) == 0)


async def test_a_run_whose_worker_dies_before_it_begins_it_is_begun_by_the_next(
    start_idle_controller: StartController, start_worker: StartWorker
) -> None:
    controller = start_idle_controller("pilothouse/rehearsal")
    async with controller.client(controller.add_key()) as http:
        run = await start_in_background(http, "Hello")
        with connect(controller.urls.controller) as connection:
            connection.execute(TAKE_AND_DIE)

        worker = await start_worker(controller)

        await follow(http, run["run_id"])
    assert worker.begun() == [run["run_id"]]
    assert controller.run_rows()[0]["attempts"] == 1
    await until(lambda: count_jobs(controller) == 0)


async def test_a_job_that_is_delivered_three_times_begins_its_run_once(
    start_idle_controller: StartController, start_worker: StartWorker, unbilled_twin: OpenRouterTwin
) -> None:
    controller = start_idle_controller("twin/slow:1")
    async with controller.client(controller.add_key()) as http:
        run = await start_in_background(http, "Hello")
        with connect(controller.urls.controller) as connection:
            connection.execute(DELIVER_AGAIN)

        workers = [await start_worker(controller), await start_worker(controller)]

        await until(lambda: count_jobs(controller) == 0)
        with connect(controller.urls.controller) as connection:
            connection.execute(DELIVER_AGAIN)
        await follow(http, run["run_id"])
    assert [run_id for worker in workers for run_id in worker.begun()] == [run["run_id"]]
    assert len(unbilled_twin.billed()) == 1


async def test_a_run_is_cancelled_at_the_controller_while_the_model_speaks_in_a_worker(
    start_idle_controller: StartController, start_worker: StartWorker
) -> None:
    controller = start_idle_controller("twin/trickle:2")
    worker = await start_worker(controller)
    async with controller.client(controller.add_key()) as http:
        run = await start_in_background(http, "Hello")
        await until(lambda: worker.begun() == [run["run_id"]])

        told = await cancel(http, run["run_id"])

    assert told[-1] == "run.cancelled"
    assert controller.run_rows()[0]["status"] == "cancelled"
    await until(lambda: count_jobs(controller) == 0)


async def test_a_run_is_cancelled_at_the_controller_while_a_tool_hangs_in_a_worker(
    start_idle_controller: StartController, start_worker: StartWorker, counting_workflow: CountingWorkflow
) -> None:
    controller = start_idle_controller("pilothouse/rehearsal", N8N_WEBHOOK_URL=counting_workflow.url)
    await start_worker(controller)
    async with controller.client(controller.add_key()) as http:
        run = await start_in_background(http, "Run a workflow")
        await until(lambda: len(counting_workflow.keys) == 1)

        told = await cancel(http, run["run_id"])

    assert told[-1] == "run.cancelled"
    assert not counting_workflow.may_answer.is_set()
