"""Fifty messages at once on one thread, to two controllers: what becomes of them is what the policy says."""

import pytest

from tests.fixtures.proofs import Proof
from tests.fixtures.proofs_burst import CHECKS, MESSAGES, fire
from tests.fixtures.proofs_checks import check_all, check_begun_once, check_ledger
from tests.fixtures.proofs_fleet import StartFleet

pytestmark = pytest.mark.timeout(3600)


async def test_fifty_messages_at_once(start_fleet: StartFleet, proof: Proof) -> None:
    fleet = await start_fleet("twin/trickle:0.01")
    fleet.workflow.answers_within_s = 0.1
    random = proof.random

    for _ in range(proof.size(1, 5)):
        for policy, check in CHECKS.items():
            burst, answers = await fire(fleet, random, policy)

            facts = await check_all(fleet, proof)
            await check_ledger(fleet, facts)
            check_begun_once(facts)
            runs = [run for run in facts.runs if str(run["thread_id"]) == burst.thread_id]
            check(runs, answers)
            finished = sum(1 for run in runs if run["status"] == "finished")
            proof.count(**{"messages": MESSAGES, f"answered_under_{policy}": finished})
