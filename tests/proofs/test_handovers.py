"""A run that goes from one process to another in the middle ends as if it had not."""

import asyncio
import signal

import pytest

from tests.fixtures.proofs import Proof
from tests.fixtures.proofs_checks import check_all, check_ledger
from tests.fixtures.proofs_facts import all_ended, read_facts, rows_of
from tests.fixtures.proofs_fleet import StartFleet
from tests.fixtures.waiting import until

pytestmark = pytest.mark.timeout(300)

MESSAGE = "Run a workflow, and remember that I like tea"


@pytest.mark.parametrize("steps", [0, 1, 4], ids=["before the first answer", "before the calls", "after the calls"])
async def test_a_run_let_go(start_fleet: StartFleet, proof: Proof, steps: int) -> None:
    if steps < 4:
        proof.only_long()
    fleet = await start_fleet("twin/trickle:0.5")  # longer than a process waits when it is stopped
    fleet.workflow.answers_within_s = 3
    async with fleet.client() as http:
        await http.post(f"{fleet.urls[0]}/api/runs", json={"message": MESSAGE})
    await until(lambda: len(rows_of(fleet, "SELECT FROM controller.run_steps")) >= steps)

    await fleet.members[0].end(signal.SIGTERM)
    await all_ended(fleet)

    facts = await check_all(fleet, proof)
    await check_ledger(fleet, facts)
    [run] = facts.runs
    async with fleet.client() as http:
        thread = (await http.get(f"{fleet.urls[1]}/api/threads/{run['thread_id']}")).json()
    assert run["attempts"] == 2
    assert [message["role"] for message in thread["messages"]] == ["user", "assistant", "tool", "tool", "assistant"]
    assert run["answer"] == facts.steps[str(run["id"])]["think.1"]["text"]


async def test_whoever_waits_for_an_answer_is_told_when_the_process_stops(
    start_fleet: StartFleet, proof: Proof
) -> None:
    fleet = await start_fleet("twin/slow:8")
    headers = {"Idempotency-Key": "one"}

    async with fleet.client(timeout_s=60) as http:
        asking = asyncio.create_task(http.post(f"{fleet.urls[0]}/api/chat", json={"message": "Hello"}, headers=headers))
        await until(lambda: bool(rows_of(fleet, "SELECT FROM controller.runs")))
        await fleet.members[0].end(signal.SIGTERM)
        told = await asking
        await all_ended(fleet)
        again = await http.post(f"{fleet.urls[1]}/api/chat", json={"message": "Hello"}, headers=headers)

    [run] = read_facts(fleet).runs
    proof.did |= {"attempts": run["attempts"]}
    assert (told.status_code, told.json()["error"]["code"]) == (503, "unavailable")
    assert "goes on by itself" in told.json()["error"]["hint"]
    assert (again.status_code, again.json()["run_id"], run["status"]) == (200, str(run["id"]), "finished")
