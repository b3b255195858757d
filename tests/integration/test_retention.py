"""What is deleted by itself, and what never is."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from agents.checkpoints import set_up
from stack.scratch import Scratch
from tests.fixtures.command_line import CommandLine
from tests.fixtures.controller import StartController
from tests.fixtures.postgres import DatabaseUrls
from tests.fixtures.retention import add_old_runs, age, checkpointed_runs, count, give_password, retention_of, stories
from tests.fixtures.waiting import until

pytestmark = pytest.mark.timeout(120)

LONG_AGO = timedelta(days=31)
LOOKED_BACK_AT = ("run_events", "run_steps", "checkpoints", "checkpoint_writes")


async def test_a_pruned_thread_goes_on_with_all_its_messages(start_own_controller: StartController) -> None:
    controller = start_own_controller("pilothouse/rehearsal")
    async with controller.client(controller.add_key()) as http, retention_of(controller.urls) as retention:
        first = (await http.post("/api/chat", json={"message": "Remember that I like tea"})).json()
        thread = {"thread_id": first["thread_id"]}
        second = (await http.post("/api/chat", json={"message": "Hello again", **thread})).json()
        before = (await http.get(f"/api/threads/{first['thread_id']}")).json()["messages"]
        age(controller, LONG_AGO)

        await retention.prune()

        left, held = count(controller, *LOOKED_BACK_AT), checkpointed_runs(controller)
        after = (await http.get(f"/api/threads/{first['thread_id']}")).json()["messages"]
        reply = await http.post("/api/chat", json={"message": "And again", **thread})
        later = (await http.get(f"/api/threads/{first['thread_id']}")).json()["messages"]
    assert left == {"run_events": 0, "run_steps": 0, "checkpoints": 1, "checkpoint_writes": 0}
    assert held == [second["run_id"]]
    assert after == before
    assert reply.is_success
    assert later[: len(before)] == before
    assert [message["role"] for message in later[len(before) :]] == ["user", "assistant"]


async def test_runs_and_their_costs_are_never_deleted(start_own_controller: StartController) -> None:
    controller = start_own_controller("pilothouse/rehearsal")
    async with controller.client(controller.add_key()) as http, retention_of(controller.urls) as retention:
        run_id = (await http.post("/api/chat", json={"message": "Hello"})).json()["run_id"]
        age(controller, LONG_AGO)
        before = (await http.get(f"/api/runs/{run_id}")).json()

        await retention.prune()

        assert (await http.get(f"/api/runs/{run_id}")).json() == before
        assert (before["status"], before["cost_usd"] > "0") == ("finished", True)


async def test_who_asks_for_events_that_were_deleted_is_told_so_and_where_to_look(
    start_own_controller: StartController,
) -> None:
    controller = start_own_controller("pilothouse/rehearsal")
    async with controller.client(controller.add_key()) as http, retention_of(controller.urls) as retention:
        run = (await http.post("/api/chat", json={"message": "Hello"})).json()
        age(controller, LONG_AGO)
        await retention.prune()

        reply = await http.get(f"/api/runs/{run['run_id']}/events")

    assert reply.status_code == 410
    assert f"/api/threads/{run['thread_id']}" in reply.json()["error"]["hint"]


async def test_who_heard_the_end_of_a_run_already_is_not_kept_waiting(start_own_controller: StartController) -> None:
    controller = start_own_controller("pilothouse/rehearsal")
    async with controller.client(controller.add_key()) as http:
        run_id = (await http.post("/api/chat", json={"message": "Hello"})).json()["run_id"]

        reply = await http.get(f"/api/runs/{run_id}/events", headers={"Last-Event-ID": "10000"}, timeout=10)

    assert reply.text == ""


async def test_what_is_younger_stays_and_journals_go_within_hours(start_own_controller: StartController) -> None:
    controller = start_own_controller("pilothouse/rehearsal")
    async with controller.client(controller.add_key()) as http, retention_of(controller.urls) as retention:
        thread_id = (await http.post("/api/chat", json={"message": "Remember that I like tea"})).json()["thread_id"]
        await http.post("/api/chat", json={"message": "Hello", "thread_id": thread_id})
        before = count(controller, *LOOKED_BACK_AT)
        fresh = await retention.prune()
        age(controller, timedelta(hours=2))

        deleted = await retention.prune()

        after = count(controller, *LOOKED_BACK_AT)
    assert fresh == {}
    assert deleted["journals"].rows == before["run_steps"] > 0
    assert after == before | {"run_steps": 0}


async def test_a_run_under_way_keeps_everything_and_ends_well(start_own_controller: StartController) -> None:
    controller = start_own_controller("twin/slow:3")
    async with controller.client(controller.add_key()) as http, retention_of(controller.urls) as retention:
        thread_id = (await http.post("/api/chat", json={"message": "First"})).json()["thread_id"]
        age(controller, LONG_AGO)
        asking = asyncio.create_task(http.post("/api/chat", json={"message": "Second", "thread_id": thread_id}))
        await until(lambda: len(controller.run_rows()) == 2)

        await retention.prune()

        reply = await asking
        thread = (await http.get(f"/api/threads/{thread_id}")).json()
        events = (await http.get(f"/api/runs/{reply.json()['run_id']}/events")).text
    assert [message["role"] for message in thread["messages"]] == ["user", "assistant", "user", "assistant"]
    assert "event: run.started" in events
    assert "event: run.finished" in events


async def test_who_is_stopped_in_the_middle_leaves_whole_runs_and_the_next_one_does_the_rest(
    database_urls: DatabaseUrls,
) -> None:
    await set_up(database_urls.controller)
    add_old_runs(database_urls, runs=300, events=5)
    async with retention_of(database_urls) as retention:
        pruning = asyncio.create_task(retention.prune())
        await until(lambda: (True, 0) in stories(database_urls))
        pruning.cancel()
        await asyncio.wait([pruning])
        between = stories(database_urls)

        await retention.prune()

    assert between == {(True, 0), (False, 5)}
    assert stories(database_urls) == {(True, 0)}


async def test_a_rehearsal_says_what_would_go_and_deletes_nothing(
    start_own_controller: StartController, pilothouse: CommandLine, open_home: Path, postgres: Scratch
) -> None:
    controller = start_own_controller("pilothouse/rehearsal")
    give_password(open_home, postgres)
    async with controller.client(controller.add_key()) as http:
        await http.post("/api/chat", json={"message": "Remember that I like tea"})
    age(controller, LONG_AGO)
    before = count(controller, *LOOKED_BACK_AT)

    rehearsed = pilothouse("prune", "--dry-run", DATABASE_URL=controller.urls.admin)
    between = count(controller, *LOOKED_BACK_AT)
    pruned = pilothouse("prune", DATABASE_URL=controller.urls.admin)
    again = pilothouse("prune", DATABASE_URL=controller.urls.admin)

    assert between == before
    assert count(controller, "run_events", "run_steps") == {"run_events": 0, "run_steps": 0}
    assert rehearsed.stdout.splitlines()[1:] == pruned.stdout.splitlines()[1:]
    assert f"events {before['run_events']}" in " ".join(pruned.stdout.split())
    assert again.stdout.startswith("nothing to delete")
