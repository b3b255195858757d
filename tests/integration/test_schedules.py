"""Schedules through the API of a real controller, and fired by real processes."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import pytest

from pilothouse.db import connect
from tests.fixtures.controller import ALL_SCOPES, Controller, StartController
from tests.fixtures.waiting import until
from tests.fixtures.workers import StartWorker, follow, has_more_runs, has_only_ended_runs

PERSON = (*ALL_SCOPES, "schedules:write")
MORNING: dict[str, Any] = {
    "name": "morning",
    "cron": "30 7 * * 1-5",
    "zone": "Europe/Berlin",
    "message": "Remember that I like tea",
}
DUE_NOW = "UPDATE controller.schedules SET next_at = now()"
CALLER = "SELECT caller FROM controller.runs WHERE id = %(id)s"


@pytest.fixture
async def person(controller: Controller) -> AsyncIterator[httpx.AsyncClient]:
    """Grace, with a key made for a person, and none of whose schedules stay."""
    async with controller.client(controller.add_key(user_id="grace", scopes=PERSON)) as http:
        yield http
        for each in (await http.get("/api/schedules")).json():
            await http.delete(f"/api/schedules/{each['schedule_id']}")


async def test_a_schedule_says_in_words_and_times_when_it_is_due(person: httpx.AsyncClient) -> None:
    made = await person.post("/api/schedules", json=MORNING)

    schedule = made.json()
    times = [datetime.fromisoformat(time) for time in schedule["next_times"]]
    assert made.status_code == 201
    assert schedule["in_words"] == "At 07:30 on Monday through Friday"
    assert len(times) == 5
    assert times == sorted(times)
    assert times[0] > datetime.now(UTC)
    assert {(time.hour, time.minute) for time in times} == {(7, 30)}
    assert {time.isoweekday() for time in times} <= {1, 2, 3, 4, 5}
    assert (await person.get("/api/schedules")).json() == [schedule]
    assert (await person.get(f"/api/schedules/{schedule['schedule_id']}")).json() == schedule


async def test_a_run_asked_for_now_is_executed_and_told_with_its_outcome(
    person: httpx.AsyncClient, controller: Controller
) -> None:
    path = f"/api/schedules/{(await person.post('/api/schedules', json=MORNING)).json()['schedule_id']}"
    run = (await person.post(f"{path}/run")).json()
    await follow(person, run["run_id"])

    schedule = (await person.get(path)).json()

    thread = (await person.get(f"/api/threads/{run['thread_id']}")).json()
    with connect(controller.urls.admin) as connection:
        stored = connection.execute(CALLER, {"id": run["run_id"]}).fetchone()
    assert stored == {"caller": "schedule morning"}
    assert run["message"] == MORNING["message"]
    assert (schedule["last_run"]["run_id"], schedule["last_run"]["status"]) == (run["run_id"], "finished")
    assert thread["tainted"] is False


async def test_pausing_leaves_no_next_time_and_resuming_brings_it_back(person: httpx.AsyncClient) -> None:
    made = (await person.post("/api/schedules", json=MORNING)).json()
    path = f"/api/schedules/{made['schedule_id']}"

    paused = (await person.patch(path, json={"enabled": False})).json()
    resumed = (await person.patch(path, json={"enabled": True, "cron": "0 9 * * *", "budget_usd": "0.5"})).json()

    assert (paused["enabled"], paused["next_times"]) == (False, [])
    assert {time[11:16] for time in resumed["next_times"]} == {"09:00"}
    assert (resumed["name"], resumed["budget_usd"]) == ("morning", "0.5")


async def test_the_runs_of_one_may_share_a_thread(person: httpx.AsyncClient) -> None:
    made = (await person.post("/api/schedules", json={**MORNING, "thread": "own"})).json()
    path = f"/api/schedules/{made['schedule_id']}"
    threads: list[str] = []
    for _ in range(2):
        run = (await person.post(f"{path}/run")).json()
        await follow(person, run["run_id"])
        threads.append(run["thread_id"])

    other = (await person.post("/api/schedules", json={**MORNING, "name": "too", "thread": threads[0]})).json()

    assert threads == [made["thread_id"]] * 2
    assert other["thread_id"] == threads[0]


async def test_a_key_that_was_not_made_for_a_person_may_look_but_neither_make_nor_change(
    person: httpx.AsyncClient, controller: Controller
) -> None:
    made = (await person.post("/api/schedules", json=MORNING)).json()
    path = f"/api/schedules/{made['schedule_id']}"
    async with controller.client(controller.add_key(user_id="grace", scopes=ALL_SCOPES)) as program:
        refused = [
            await program.post("/api/schedules", json={**MORNING, "name": "theirs"}),
            await program.patch(path, json={"message": "Sell everything"}),
            await program.delete(path),
        ]
        seen = await program.get(path)

    assert [reply.status_code for reply in refused] == [403] * 3
    assert {reply.json()["error"]["message"] for reply in refused} == {"this key lacks the scope 'schedules:write'"}
    assert {reply.json()["error"]["hint"] for reply in refused} == {
        "only a key made for a person may make or change schedules: bin/pilothouse schedule uses yours"
    }
    assert seen.json() == made


@pytest.mark.parametrize(
    ("wrong", "status", "said"),
    [
        ({"cron": "30 7 * *"}, 422, "five fields expected, 4 found"),
        ({"cron": "99 7 * * *"}, 422, "bad minute"),
        ({"zone": "Berlin"}, 422, "no time zone 'Berlin'"),
        ({"name": " "}, 422, "name: "),
        ({"message": ""}, 422, "message: "),
        ({"thread": "6f1c2f1e-4b8f-4d0a-8a51-6a3f0c9b7d22"}, 404, "there is no thread"),
        ({"timezone": "UTC"}, 422, "timezone: "),
    ],
)
async def test_what_cannot_be_is_refused_in_a_line(
    person: httpx.AsyncClient, wrong: dict[str, str], status: int, said: str
) -> None:
    made = (await person.post("/api/schedules", json={**MORNING, "name": "right"})).json()

    added = await person.post("/api/schedules", json=MORNING | wrong)
    changed = await person.patch(f"/api/schedules/{made['schedule_id']}", json=wrong)

    for reply in (added, changed):
        assert reply.status_code == status
        assert said in reply.json()["error"]["message"]
        assert reply.json()["error"]["hint"]
    assert (await person.get("/api/schedules")).json() == [made]


async def test_other_peoples_schedules_and_threads_do_not_exist(
    person: httpx.AsyncClient, controller: Controller
) -> None:
    made = (await person.post("/api/schedules", json={**MORNING, "thread": "own"})).json()
    path = f"/api/schedules/{made['schedule_id']}"
    await follow(person, (await person.post(f"{path}/run")).json()["run_id"])
    async with controller.client(controller.add_key(user_id="eve", scopes=PERSON)) as stranger:
        replies = [
            await stranger.get(path),
            await stranger.patch(path, json={"enabled": False}),
            await stranger.delete(path),
            await stranger.post(f"{path}/run"),
            await stranger.post("/api/schedules", json={**MORNING, "thread": made["thread_id"]}),
        ]
        listed = (await stranger.get("/api/schedules")).json()

    assert [reply.status_code for reply in replies] == [404] * 5
    assert listed == []


@pytest.mark.timeout(240)
async def test_each_due_time_is_fired_once_by_several_processes_that_are_killed_meanwhile(
    start_idle_controller: StartController, start_worker: StartWorker
) -> None:
    controller = start_idle_controller("pilothouse/rehearsal")
    workers = [await start_worker(controller), await start_worker(controller)]
    async with controller.client(controller.add_key(scopes=PERSON)) as http:
        for number in range(20):
            await http.post("/api/schedules", json={**MORNING, "name": f"{number}"})
    for _ in range(3):
        before = len(controller.run_rows())
        with connect(controller.urls.admin) as connection:
            connection.execute(DUE_NOW)
        await until(partial(has_more_runs, controller, than=before))

        workers.pop(0).kill()

        workers.append(await start_worker(controller))
        await until(partial(has_only_ended_runs, controller, count=before + 20), timeout_s=60)

    fired = Counter(row["caller"] for row in controller.run_rows())
    assert fired == {f"schedule {number}": 3 for number in range(20)}
