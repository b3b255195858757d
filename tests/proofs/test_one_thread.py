"""Fifty messages at once on one thread, to two controllers: what becomes of them is what the policy says."""

from collections.abc import Callable
from random import Random

import pytest

from tests.fixtures.proofs import Proof
from tests.fixtures.proofs_burst import Answered, Burst, open_burst
from tests.fixtures.proofs_checks import (
    Facts,
    Row,
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
Check = Callable[[list[Row], list[Answered]], None]


async def test_fifty_messages_at_once(start_fleet: StartFleet, proof: Proof) -> None:
    fleet = await start_fleet("twin/trickle:0.01", workers=0)
    fleet.workflow.answers_within_s = 0.1
    random = proof.random
    checks: dict[str, Check] = {
        "reject": _check_reject,
        "enqueue": _check_enqueue,
        "interrupt": _check_newest_is_answered,
        "rollback": _check_newest_is_answered,
    }

    for _ in range(proof.size(1, 5)):
        for policy, check in checks.items():
            burst, answers = await _fire(fleet, random, policy)
            facts = read_facts(fleet)
            runs = [run for run in facts.runs if str(run["thread_id"]) == burst.thread_id]
            await _check_always(fleet, facts, burst)
            check(runs, answers)
            finished = sum(1 for run in runs if run["status"] == "finished")
            proof.count(**{"messages": MESSAGES, f"answered_under_{policy}": finished})


async def _fire(fleet: Fleet, random: Random, policy: str) -> tuple[Burst, list[Answered]]:
    burst = await open_burst(fleet)
    kinds = random.choices(("Hello", "Run a workflow"), weights=(3, 1), k=MESSAGES)
    messages = [f"{kind}, number {each}" for each, kind in enumerate(kinds)]
    answers = await burst.send(messages, policy=policy, random=random)
    await all_ended(fleet)
    return burst, answers


async def _check_always(fleet: Fleet, facts: Facts, burst: Burst) -> None:
    async with fleet.client() as http:
        thread = (await http.get(f"{fleet.urls[1]}/api/threads/{burst.thread_id}")).json()
    wrong = check_ends(facts) + check_effects(facts, fleet.workflow.keys) + check_one_at_a_time(facts)
    wrong += check_thoughts(facts) + check_thread(facts, thread)
    wrong += fleet.complaints() + await check_settled(fleet)
    wrong += [f"run {run['id']} was begun {run['attempts']} times" for run in facts.runs if run["attempts"] > 1]
    assert not wrong, "\n".join(wrong)


def _check_reject(runs: list[Row], answers: list[Answered]) -> None:
    refused = [each for each in answers if not each.accepted]
    assert {run["status"] for run in runs} == {"finished"}
    assert {run["message"] for run in runs[1:]} == {each.message for each in answers if each.accepted}
    assert all("is busy" in each.body["error"]["message"] for each in refused)


def _check_enqueue(runs: list[Row], answers: list[Answered]) -> None:
    """All are answered, in the order in which they came."""
    assert all(each.accepted for each in answers)
    assert len(runs) == MESSAGES + 1
    assert {run["status"] for run in runs} == {"finished"}
    assert runs == sorted(runs, key=lambda run: run["started_at"])


def _check_newest_is_answered(runs: list[Row], answers: list[Answered]) -> None:
    """Whatever was cancelled was cancelled by something newer; nothing was lost on the way."""
    assert all(each.accepted for each in answers)
    assert len(runs) == MESSAGES + 1
    assert runs[-1]["status"] == "finished"
    assert {run["status"] for run in runs} <= {"finished", "cancelled"}
