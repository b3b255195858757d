"""A tool, a model, a disk or the database hangs or goes away: every run comes to a clear end."""

import asyncio
import time

import httpx
import pytest

from tests.fixtures.proofs import Proof
from tests.fixtures.proofs_checks import (
    check_effects,
    check_thread,
    read_facts,
    rows_of,
)
from tests.fixtures.proofs_fleet import Fleet, StartFleet
from tests.fixtures.proofs_outages import OwnDatabase, check_recovery, hear_out
from tests.fixtures.proofs_people import Crowd
from tests.fixtures.waiting import until

pytestmark = pytest.mark.timeout(3600)

HANGING = {"silent": "twin/slow:300", "keeps the line open": "twin/keep-alive:300", "streams": "twin/trickle:2"}
PATIENCE_S = 10  # far more than a cancellation takes, far less than anything else would


@pytest.mark.parametrize("model", HANGING.values(), ids=HANGING.keys())
async def test_a_hung_model(start_fleet: StartFleet, proof: Proof, model: str) -> None:
    if model != HANGING["streams"]:
        proof.only_long()
    fleet = await start_fleet(model, workers=1)

    await _cancel_all(fleet, proof, "Hello")
    await _outlive_deadline(fleet, "Hello")


async def test_a_hung_tool(start_fleet: StartFleet, proof: Proof) -> None:
    fleet = await start_fleet("pilothouse/rehearsal", workers=1)

    await _cancel_all(fleet, proof, "Run a workflow")
    await _outlive_deadline(fleet, "Run a workflow")

    facts = read_facts(fleet)
    wrong = check_effects(facts, fleet.workflow.keys)
    async with fleet.client() as http:
        for thread_id in {str(run["thread_id"]) for run in facts.runs}:
            wrong += check_thread(facts, (await http.get(f"{fleet.urls[0]}/api/threads/{thread_id}")).json())
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_postgres_restarted(start_fleet: StartFleet, own_database: OwnDatabase, proof: Proof, how: str) -> None:
    if how != "killed":
        proof.only_long()
    fleet = await start_fleet(urls=await asyncio.to_thread(own_database.open))
    fleet.workflow.answers_within_s = 0.3
    random = proof.random
    crowd = Crowd(fleet, random)
    working = asyncio.create_task(crowd.work(people=6))

    for _ in range(proof.size(2, 20)):
        await asyncio.sleep(random.uniform(1, 5))
        await asyncio.to_thread(own_database.stop if how == "stopped" else own_database.kill)
        await asyncio.sleep(random.uniform(0, 4))
        await asyncio.to_thread(own_database.start)
    crowd.done.set()
    await check_recovery(fleet, proof, crowd, working)


async def _cancel_all(fleet: Fleet, proof: Proof, message: str) -> None:
    """Runs of every kind end within a moment of being told to, wherever they are executed and whoever is told."""
    slowest_s = 0.0
    async with fleet.client(timeout_s=PATIENCE_S) as http:
        for number in range(proof.size(6, 60)):
            body = {"message": message, "background": number % 3 == 0}
            started = (await http.post(f"{fleet.urls[number % 2]}/api/runs", json=body)).json()
            await _until_hung(fleet, started["run_id"], message)
            slowest_s = max(slowest_s, await _cancel(http, fleet, started["run_id"]))
    proof.did |= {"cancelled": proof.size(6, 60), "ms at most until the end": round(slowest_s * 1000)}


async def _until_hung(fleet: Fleet, run_id: str, message: str) -> None:
    if message == "Hello":
        await until(lambda: bool(rows_of(fleet, f"SELECT FROM proxy.ledger WHERE run_id = '{run_id}'")))
    else:
        await until(lambda: any(key.startswith(run_id) for key in fleet.workflow.keys))


async def _cancel(http: httpx.AsyncClient, fleet: Fleet, run_id: str) -> float:
    told = time.monotonic()
    (await http.post(f"{fleet.urls[1]}/api/runs/{run_id}/cancel")).raise_for_status()
    heard = await hear_out(http, fleet.urls[1], run_id)
    assert heard.end == "run.cancelled"
    return time.monotonic() - told


async def _outlive_deadline(fleet: Fleet, message: str) -> None:
    """A run that may last three seconds says that it did."""
    async with fleet.client(timeout_s=PATIENCE_S) as http:
        body = {"message": message, "deadline_s": 3}
        started = (await http.post(f"{fleet.urls[0]}/api/runs", json=body)).json()
        heard = await hear_out(http, fleet.urls[1], started["run_id"])
        run = (await http.get(f"{fleet.urls[0]}/api/runs/{started['run_id']}")).json()
    assert heard.end == "run.failed"
    assert run["error"]["code"] == "timed_out"
    assert "3 s" in run["error"]["message"]
