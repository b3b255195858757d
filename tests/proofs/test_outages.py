"""A tool, a model or the database hangs or goes away: every run comes to a clear end."""

import asyncio

import pytest

from tests.fixtures.proofs import Proof
from tests.fixtures.proofs_checks import check_effects, check_threads
from tests.fixtures.proofs_facts import read_facts
from tests.fixtures.proofs_fleet import StartFleet
from tests.fixtures.proofs_hanging import cancel_all, outlive_deadline
from tests.fixtures.proofs_outages import OwnDatabase, check_recovery
from tests.fixtures.proofs_people import Crowd

pytestmark = pytest.mark.timeout(3600)

HANGING = {"silent": "twin/slow:300", "keeps the line open": "twin/keep-alive:300", "streams": "twin/trickle:2"}


@pytest.mark.parametrize("model", HANGING.values(), ids=HANGING.keys())
async def test_a_hung_model(start_fleet: StartFleet, proof: Proof, model: str) -> None:
    if model != HANGING["streams"]:
        proof.only_long()
    fleet = await start_fleet(model)

    await cancel_all(fleet, proof, "Hello")
    await outlive_deadline(fleet, "Hello")


async def test_a_hung_tool(start_fleet: StartFleet, proof: Proof) -> None:
    fleet = await start_fleet("pilothouse/rehearsal")

    await cancel_all(fleet, proof, "Run a workflow")
    await outlive_deadline(fleet, "Run a workflow")

    facts = read_facts(fleet)
    assert not check_effects(facts, fleet.workflow.keys) + await check_threads(fleet, facts)


@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_postgres_restarted(
    start_own_fleet: StartFleet, own_database: OwnDatabase, proof: Proof, how: str
) -> None:
    if how != "killed":
        proof.only_long()
    fleet = await start_own_fleet(await asyncio.to_thread(own_database.open))
    fleet.workflow.answers_within_s = 0.3
    random = proof.random
    crowd = Crowd(fleet, random)
    working = asyncio.create_task(crowd.work(people=6))

    for _ in range(proof.size(2, 20)):
        await asyncio.sleep(random.uniform(1, 5))
        await asyncio.to_thread(own_database.stop if how == "stopped" else own_database.kill)
        await asyncio.sleep(random.uniform(0, 4))
        await asyncio.to_thread(own_database.start)

    await check_recovery(fleet, proof, crowd, working)
