"""Fifty messages at once on one thread, to two controllers: what becomes of them is what the policy says."""

import pytest

from tests.fixtures.proofs import Proof
from tests.fixtures.proofs_burst import Answered, Burst, open_burst
from tests.fixtures.proofs_checks import (
    Facts,
    all_ended,
    check_effects,
    check_ends,
    check_one_at_a_time,
    check_settled,
    check_thoughts,
    check_thread,
    read_facts,
)
from tests.fixtures.proofs_fleet import Fleet, StartFleet

pytestmark = pytest.mark.timeout(3600)

MESSAGES = 50


async def test_fifty_messages_under_reject(start_fleet: StartFleet, proof: Proof) -> None:
    fleet = await start_fleet("twin/trickle:0.02", workers=0)
    for _ in range(proof.size(1, 5)):
        burst, answers, facts = await _fire(fleet, proof, "reject")

        runs = facts.on_thread(burst.thread_id)
        refused = [each for each in answers if not each.accepted]
        assert {run["status"] for run in runs} == {"finished"}
        assert {run["message"] for run in runs[1:]} == {each.message for each in answers if each.accepted}
        assert all("is busy" in each.body["error"]["message"] for each in refused)


async def test_fifty_messages_under_enqueue(start_fleet: StartFleet, proof: Proof) -> None:
    fleet = await start_fleet("pilothouse/rehearsal", workers=0)
    for _ in range(proof.size(1, 5)):
        burst, answers, facts = await _fire(fleet, proof, "enqueue")

        runs = facts.on_thread(burst.thread_id)
        assert all(each.accepted for each in answers)
        assert {run["status"] for run in runs} == {"finished"}
        assert len(runs) == MESSAGES + 1
        assert runs == sorted(runs, key=lambda run: run["place"])


async def test_fifty_messages_under_interrupt(start_fleet: StartFleet, proof: Proof) -> None:
    fleet = await start_fleet("twin/trickle:0.01", workers=0)
    for _ in range(proof.size(1, 5)):
        burst, answers, facts = await _fire(fleet, proof, "interrupt")

        runs = [run for run in facts.runs if str(run["thread_id"]) == burst.thread_id]
        assert all(each.accepted for each in answers)
        assert len(runs) == MESSAGES + 1
        assert runs[-1]["status"] == "finished"
        assert {run["cancel_asked"] for run in runs if run["status"] == "cancelled"} <= {"keep", None}


async def test_fifty_messages_under_rollback(start_fleet: StartFleet, proof: Proof) -> None:
    fleet = await start_fleet("twin/trickle:0.01", workers=0)
    for _ in range(proof.size(1, 5)):
        burst, answers, facts = await _fire(fleet, proof, "rollback")

        runs = [run for run in facts.runs if str(run["thread_id"]) == burst.thread_id]
        assert all(each.accepted for each in answers)
        assert len(runs) == MESSAGES + 1
        assert runs[-1]["status"] == "finished"
        assert {run["cancel_asked"] for run in runs if run["status"] == "cancelled"} <= {"roll back", None}


async def _fire(fleet: Fleet, proof: Proof, policy: str) -> tuple[Burst, list[Answered], Facts]:
    """Send them, wait for the end of everything, and check what holds under every policy."""
    fleet.workflow.answers_within_s = 0.1
    random = proof.random
    burst = await open_burst(fleet)
    kinds = random.choices(("Hello", "Run a workflow"), weights=(3, 1), k=MESSAGES)
    answers = await burst.send(
        [f"{kind}, number {each}" for each, kind in enumerate(kinds)], policy=policy, random=random
    )
    await all_ended(fleet)

    facts = read_facts(fleet)
    async with fleet.client() as http:
        thread = (await http.get(f"{fleet.urls[1]}/api/threads/{burst.thread_id}")).json()
    wrong = check_ends(facts) + check_effects(facts, fleet.workflow.keys) + check_one_at_a_time(facts)
    wrong += check_thoughts(facts) + check_thread(facts, thread)
    wrong += fleet.complaints() + await check_settled(fleet)
    wrong += [f"run {run['id']} was begun {run['attempts']} times" for run in facts.runs if run["attempts"] > 1]
    statuses = [run["status"] for run in facts.runs]
    proof.did |= {"messages": proof.did.get("messages", 0) + MESSAGES, "runs": len(facts.runs)}
    proof.did |= {each: statuses.count(each) for each in ("finished", "cancelled", "failed")}
    assert not wrong, "\n".join(wrong)
    return burst, answers, facts
