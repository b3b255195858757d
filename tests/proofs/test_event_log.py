"""The event log is full or stuck, or its writer is killed: all that happened is told, and nothing else."""

import asyncio
import signal

import pytest

from tests.fixtures.proofs import Proof
from tests.fixtures.proofs_checks import check_all
from tests.fixtures.proofs_facts import all_ended, read_facts, rows_of
from tests.fixtures.proofs_fleet import StartFleet
from tests.fixtures.proofs_hanging import hear_out
from tests.fixtures.proofs_outages import check_recovery, full_disk, stuck_log
from tests.fixtures.proofs_people import Crowd
from tests.fixtures.waiting import until

pytestmark = pytest.mark.timeout(3600)

RUNS_THAT_FAIL = 6


async def test_a_full_disk(start_fleet: StartFleet, proof: Proof) -> None:
    fleet = await start_fleet()
    fleet.workflow.answers_within_s = 0.3
    crowd = Crowd(fleet, proof.random)
    working = asyncio.create_task(crowd.work(people=6))
    await until(lambda: len(fleet.workflow.keys) > 2)

    for _ in range(proof.size(1, 2)):
        with full_disk(fleet.database):
            await asyncio.sleep(proof.size(6, 75))  # five attempts would not outlive the second
        await asyncio.sleep(proof.size(1, 30))

    facts = await check_recovery(fleet, proof, crowd, working)
    assert {run["status"] for run in facts.runs} <= {"finished", "cancelled"}


async def test_runs_that_fail_while_the_disk_is_full_fail_when_it_is_not(start_fleet: StartFleet, proof: Proof) -> None:
    fleet = await start_fleet("pilothouse/rehearsal")
    async with fleet.client() as http:
        for _ in range(RUNS_THAT_FAIL):
            await http.post(f"{fleet.urls[0]}/api/runs", json={"message": "Run a workflow", "max_model_calls": 1})
    await until(lambda: len(fleet.workflow.keys) == RUNS_THAT_FAIL)

    with full_disk(fleet.database):
        fleet.workflow.may_answer.set()
        await asyncio.sleep(2)
    await all_ended(fleet)

    facts = read_facts(fleet)
    proof.did |= {"runs": len(facts.runs), "attempts": sum(run["attempts"] for run in facts.runs)}
    assert {(run["status"], run["error"] and run["error"]["code"]) for run in facts.runs} == {
        ("failed", "incomplete_answer")
    }


async def test_what_a_killed_process_could_not_tell_the_next_one_tells(start_fleet: StartFleet, proof: Proof) -> None:
    fleet = await start_fleet("pilothouse/rehearsal")
    fleet.workflow.may_answer.set()
    async with fleet.client() as http:
        with stuck_log(fleet.database):
            body = {"message": "Run a workflow"}
            run_id = (await http.post(f"{fleet.urls[0]}/api/runs", json=body)).json()["run_id"]
            await until(lambda: bool(rows_of(fleet, "SELECT FROM controller.run_messages")))
            await fleet.members[0].end(signal.SIGKILL)
        await all_ended(fleet)
        heard = await hear_out(http, fleet.urls[1], run_id)

    facts = await check_all(fleet, proof)
    kinds = [event["type"] for event in facts.events[run_id]]
    proof.did |= {"attempts": facts.runs[0]["attempts"], "events": len(kinds)}
    assert (heard.end, heard.text) == ("run.finished", heard.answer)
    assert [kinds.count(kind) for kind in ("tool.started", "tool.finished", "message.completed", "usage.recorded")] == [
        1, 1, 1, 2,
    ]  # fmt: skip
