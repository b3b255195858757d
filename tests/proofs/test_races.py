"""What is asked for in the very moment in which it becomes pointless: cancels, rollbacks, deletions, repetitions."""

import asyncio
import uuid
from collections.abc import Sequence
from random import Random
from typing import Any

import httpx
import pytest

from tests.fixtures.proofs import Proof
from tests.fixtures.proofs_checks import (
    Facts,
    all_ended,
    check_effects,
    check_ends,
    check_one_at_a_time,
    check_thoughts,
    check_thread,
    read_facts,
    rows_of,
)
from tests.fixtures.proofs_fleet import Fleet, StartFleet
from tests.fixtures.proofs_outages import do, slow_transcript
from tests.fixtures.waiting import until

pytestmark = pytest.mark.timeout(3600)

AT_ONCE = 8
A_RUN_S = 0.3  # more than a run of the rehearsal model takes on an idle machine
ASK_SILENTLY = "UPDATE controller.runs SET cancel_asked = %(on_cancel)s"
TELL = "SELECT pg_notify('pilothouse_runs', %(run_id)s)"
STORING = """
    SELECT FROM pg_stat_activity
    WHERE state = 'active' AND usename = 'pilothouse_controller' AND query LIKE '%INTO controller.run_messages%'"""
MESSAGES = ("Hello", "Run a workflow", "Run a workflow, and remember that I like tea")


async def test_cancels_that_race_with_the_end(start_fleet: StartFleet, proof: Proof) -> None:
    fleet = await start_fleet("pilothouse/rehearsal", workers=0)
    fleet.workflow.answers_within_s = 0.02
    random = proof.random

    async with fleet.client(timeout_s=30) as http:
        for _ in range(proof.size(5, 100)):
            await asyncio.gather(*(_start_and_cancel(fleet, http, random) for _ in range(AT_ONCE)))

    await _check_all(fleet, proof)


async def test_messages_that_race_with_the_end(start_fleet: StartFleet, proof: Proof) -> None:
    """Each thread gets one message after the other, each of which may interrupt or take back the one before."""
    fleet = await start_fleet("pilothouse/rehearsal", workers=0)
    fleet.workflow.answers_within_s = 0.02
    random = proof.random

    async with fleet.client(timeout_s=30) as http:
        for _ in range(proof.size(2, 30)):
            await asyncio.gather(*(_converse(fleet, http, random, messages=6) for _ in range(AT_ONCE)))

    await _check_all(fleet, proof)


@pytest.mark.parametrize("on_cancel", ["keep", "roll back"])
async def test_a_cancel_that_is_heard_while_the_end_is_stored(
    start_fleet: StartFleet, proof: Proof, on_cancel: str
) -> None:
    fleet = await start_fleet("pilothouse/rehearsal", workers=0)
    slow_transcript(fleet)

    async with fleet.client() as http:
        run = await _send(fleet, http, proof.random, message="Run a workflow")
    await until(lambda: len(fleet.workflow.keys) == 1)
    do(fleet, ASK_SILENTLY, on_cancel=on_cancel)
    fleet.workflow.may_answer.set()
    await until(lambda: bool(rows_of(fleet, STORING)))
    do(fleet, TELL, run_id=run["run_id"])

    facts = await _check_all(fleet, proof)
    assert [run["status"] for run in facts.runs] == ["cancelled"]


async def test_a_request_sent_many_times_at_once_is_one_run(start_fleet: StartFleet, proof: Proof) -> None:
    fleet = await start_fleet("pilothouse/rehearsal", workers=1)
    fleet.workflow.answers_within_s = 0.02
    keys = proof.size(15, 200)

    async with fleet.client(timeout_s=30) as http:
        for number in range(keys):
            answers = await _send_many(fleet, http, background=number % 2 == 0)
            assert {answer.status_code for answer in answers} == {202}
            assert len({answer.json()["run_id"] for answer in answers}) == 1

    facts = await _check_all(fleet, proof)
    assert len(facts.runs) == keys


async def test_deletions_that_race_with_messages(start_fleet: StartFleet, proof: Proof) -> None:
    fleet = await start_fleet("pilothouse/rehearsal", workers=1)
    fleet.workflow.answers_within_s = 0.02
    random = proof.random
    statuses: list[int] = []

    async with fleet.client(timeout_s=30) as http:
        for _ in range(proof.size(15, 200)):
            statuses += await _write_and_delete(fleet, http, random)

    facts = await _check_all(fleet, proof)
    proof.did |= {"deleted": statuses.count(204), "refused": statuses.count(409), "too late": statuses.count(404)}
    assert set(statuses) <= {200, 202, 204, 404, 409}, statuses
    assert not rows_of(
        fleet, "SELECT id FROM controller.threads WHERE id NOT IN (SELECT thread_id FROM controller.runs)"
    )
    assert len(facts.runs) < len(statuses)


async def _start_and_cancel(fleet: Fleet, http: httpx.AsyncClient, random: Random) -> None:
    run = await _send(fleet, http, random, message=random.choice(MESSAGES))
    await asyncio.sleep(random.uniform(0, A_RUN_S))
    (await http.post(f"{random.choice(fleet.urls)}/api/runs/{run['run_id']}/cancel")).raise_for_status()


async def _converse(fleet: Fleet, http: httpx.AsyncClient, random: Random, *, messages: int) -> None:
    first = await _send(fleet, http, random, message="Hello")
    for _ in range(messages):
        await asyncio.sleep(random.uniform(0, A_RUN_S))
        policy = random.choice(("interrupt", "rollback", "enqueue"))
        message = random.choice(MESSAGES)
        await _send(fleet, http, random, message=message, thread_id=first["thread_id"], if_busy=policy)


async def _send(fleet: Fleet, http: httpx.AsyncClient, random: Random, **body: Any) -> dict[str, Any]:
    started = await http.post(f"{random.choice(fleet.urls)}/api/runs", json=body)
    started.raise_for_status()
    return started.json()


async def _send_many(fleet: Fleet, http: httpx.AsyncClient, *, background: bool) -> Sequence[httpx.Response]:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"message": "Run a workflow", "background": background}
    posts = (http.post(f"{fleet.urls[each % 2]}/api/runs", json=body, headers=headers) for each in range(AT_ONCE))
    return await asyncio.gather(*posts)


async def _write_and_delete(fleet: Fleet, http: httpx.AsyncClient, random: Random) -> list[int]:
    """Three messages and two deletions at about the same time."""
    first = await _send(fleet, http, random, message="Hello")
    thread_id = first["thread_id"]

    async def write() -> int:
        await asyncio.sleep(random.uniform(0, A_RUN_S))
        body = {"message": "Hello", "thread_id": thread_id, "if_busy": "enqueue", "background": random.random() < 0.5}
        return (await http.post(f"{random.choice(fleet.urls)}/api/runs", json=body)).status_code

    async def delete() -> int:
        await asyncio.sleep(random.uniform(0, 2 * A_RUN_S))
        return (await http.delete(f"{random.choice(fleet.urls)}/api/threads/{thread_id}")).status_code

    return list(await asyncio.gather(write(), write(), write(), delete(), delete()))


async def _check_all(fleet: Fleet, proof: Proof) -> Facts:
    """Nothing was begun twice, and whatever ended, ended well."""
    await all_ended(fleet)
    facts = read_facts(fleet)
    statuses = [run["status"] for run in facts.runs]
    proof.did |= {"runs": len(facts.runs), "effects": len(fleet.workflow.keys)}
    proof.did |= {each: statuses.count(each) for each in ("finished", "cancelled", "failed")}
    wrong = check_ends(facts) + check_effects(facts, fleet.workflow.keys) + check_one_at_a_time(facts)
    wrong += check_thoughts(facts) + fleet.complaints()
    wrong += [f"run {run['id']} was begun {run['attempts']} times" for run in facts.runs if run["attempts"] > 1]
    async with fleet.client() as http:
        for thread_id in {str(run["thread_id"]) for run in facts.runs}:
            wrong += check_thread(facts, (await http.get(f"{fleet.urls[0]}/api/threads/{thread_id}")).json())
    assert not wrong, "\n".join(wrong)
    return facts
