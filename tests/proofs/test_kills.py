"""Runs that are accepted end, once, and what they do happens once, whatever is killed meanwhile."""

import asyncio
import signal

import pytest

from tests.fixtures.proofs import Proof
from tests.fixtures.proofs_checks import (
    all_ended,
    check_effects,
    check_ends,
    check_one_at_a_time,
    check_requests,
    check_settled,
    check_thoughts,
    check_thread,
    read_facts,
)
from tests.fixtures.proofs_fleet import StartFleet
from tests.fixtures.proofs_people import Crowd

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
        if number % 5 == 1:
            await fleet.replace(await fleet.pick(random), signal.SIGTERM)
        if number % 6 == 2:
            fleet.cut_connections(share=random.random())
        if number % 10 == 3:
            fleet.in_background((await fleet.pick(random)).freeze(FROZEN_S))
    crowd.done.set()
    await fleet.settle()
    await working
    await all_ended(fleet)

    facts = read_facts(fleet)
    proof.did |= {"kills": proof.size(12, 200), "requests": len(crowd.requests), "runs": len(facts.runs)}
    proof.did |= {
        status: sum(1 for run in facts.runs if run["status"] == status)
        for status in ("finished", "cancelled", "failed")
    }
    proof.did |= {"attempts": sum(run["attempts"] for run in facts.runs), "effects": len(fleet.workflow.keys)}
    wrong = check_ends(facts) + check_requests(facts, crowd) + check_effects(facts, fleet.workflow.keys)
    wrong += check_one_at_a_time(facts) + check_thoughts(facts)
    async with fleet.client(timeout_s=60) as http:
        for thread_id in crowd.threads:
            thread = await http.get(f"{fleet.urls[0]}/api/threads/{thread_id}")
            wrong += check_thread(facts, thread.json())
            asked = {"message": "Hello", "thread_id": thread_id}
            again = await http.post(f"{fleet.urls[1]}/api/chat", json=asked)
            wrong += [] if again.is_success else [f"thread {thread_id} refuses: {again.text}"]
    wrong += [
        f"{heard.run_id}: heard {heard.text!r}, numbers {heard.numbers}; the answer is {heard.answer!r}"
        for heard in crowd.heard
        if heard.numbers != list(range(1, len(heard.numbers) + 1))
        or (heard.end == "run.finished" and heard.text != heard.answer)
    ]
    wrong += fleet.complaints() + await check_settled(fleet)
    assert not wrong, "\n".join(wrong)
