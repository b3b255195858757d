"""Runs that are accepted end, once, and what they do happens once, whatever is killed meanwhile."""

import asyncio
import signal

import pytest

from tests.fixtures.proofs import Proof
from tests.fixtures.proofs_checks import check_ledger
from tests.fixtures.proofs_fleet import StartFleet
from tests.fixtures.proofs_outages import check_recovery
from tests.fixtures.proofs_people import Crowd, ask_again

pytestmark = pytest.mark.timeout(3600)

FROZEN_S = 14  # longer than a lease


async def test_runs_end_once_whatever_is_killed(start_fleet: StartFleet, proof: Proof) -> None:
    fleet = await start_fleet()
    fleet.workflow.answers_within_s = 0.3
    random = proof.random
    crowd = Crowd(fleet, random)
    working = asyncio.create_task(crowd.work(people=12))

    for number in range(proof.size(12, 200)):
        await asyncio.sleep(random.uniform(0.2, 2.5))
        await fleet.replace(await fleet.pick(random))
        proof.count(kills=1)
        if number % 5 == 1:
            await fleet.replace(await fleet.pick(random), signal.SIGTERM)
            proof.count(stops=1)
        if number % 6 == 2:
            fleet.cut_connections(share=random.random())
            proof.count(cuts=1)
        if number % 10 == 3:
            fleet.in_background((await fleet.pick(random)).freeze(FROZEN_S))
            proof.count(freezes=1)
    await fleet.settle()

    facts = await check_recovery(fleet, proof, crowd, working)
    proof.count(attempts=sum(run["attempts"] for run in facts.runs))
    await check_ledger(fleet, facts)
    assert not await ask_again(fleet, crowd.threads)
