"""What is asked for in the very moment in which it becomes pointless: cancels, rollbacks, deletions, repetitions."""

import asyncio

import pytest

from tests.fixtures.proofs import Proof
from tests.fixtures.proofs_facts import do, rows_of
from tests.fixtures.proofs_fleet import StartFleet
from tests.fixtures.proofs_outages import slow_transcript
from tests.fixtures.proofs_races import (
    AT_ONCE,
    check_races,
    converse,
    send,
    send_many,
    start_and_cancel,
    write_and_delete,
)
from tests.fixtures.waiting import until

pytestmark = pytest.mark.timeout(3600)

ASK_SILENTLY = "UPDATE controller.runs SET cancel_asked = %(on_cancel)s"
TELL = "SELECT pg_notify('pilothouse_runs', %(run_id)s)"
STORING = """
    SELECT FROM pg_stat_activity
    WHERE state = 'active' AND usename = 'pilothouse_controller' AND query LIKE '%INTO controller.run_messages%'"""
WITHOUT_RUNS = "SELECT id FROM controller.threads WHERE id NOT IN (SELECT thread_id FROM controller.runs)"


async def test_cancels_that_race_with_the_end(start_fleet: StartFleet, proof: Proof) -> None:
    fleet = await start_fleet("pilothouse/rehearsal")
    fleet.workflow.answers_within_s = 0.02
    random = proof.random

    async with fleet.client(timeout_s=30) as http:
        for _ in range(proof.size(5, 100)):
            await asyncio.gather(*(start_and_cancel(fleet, http, random) for _ in range(AT_ONCE)))

    await check_races(fleet, proof)


async def test_messages_that_race_with_the_end(start_fleet: StartFleet, proof: Proof) -> None:
    fleet = await start_fleet("pilothouse/rehearsal")
    fleet.workflow.answers_within_s = 0.02
    random = proof.random

    async with fleet.client(timeout_s=30) as http:
        for _ in range(proof.size(2, 30)):
            await asyncio.gather(*(converse(fleet, http, random, messages=6) for _ in range(AT_ONCE)))

    await check_races(fleet, proof)


@pytest.mark.parametrize("on_cancel", ["keep", "roll back"])
async def test_a_cancel_that_is_heard_while_the_end_is_stored(
    start_fleet: StartFleet, proof: Proof, on_cancel: str
) -> None:
    fleet = await start_fleet("pilothouse/rehearsal")
    with slow_transcript(fleet.database):
        async with fleet.client() as http:
            run = await send(fleet, http, proof.random, message="Run a workflow")
        await until(lambda: len(fleet.workflow.keys) == 1)
        do(fleet, ASK_SILENTLY, on_cancel=on_cancel)
        fleet.workflow.may_answer.set()
        await until(lambda: bool(rows_of(fleet, STORING)))
        do(fleet, TELL, run_id=run["run_id"])

    facts = await check_races(fleet, proof)
    assert [run["status"] for run in facts.runs] == ["cancelled"]


async def test_a_request_sent_many_times_at_once_is_one_run(start_fleet: StartFleet, proof: Proof) -> None:
    fleet = await start_fleet("pilothouse/rehearsal")
    fleet.workflow.answers_within_s = 0.02
    keys = proof.size(15, 200)

    async with fleet.client(timeout_s=30) as http:
        for number in range(keys):
            answers = await send_many(fleet, http, background=number % 2 == 0)
            assert {answer.status_code for answer in answers} == {202}
            assert len({answer.json()["run_id"] for answer in answers}) == 1

    facts = await check_races(fleet, proof)
    assert len(facts.runs) == keys


async def test_deletions_that_race_with_messages(start_fleet: StartFleet, proof: Proof) -> None:
    fleet = await start_fleet("pilothouse/rehearsal")
    fleet.workflow.answers_within_s = 0.02
    random = proof.random
    statuses: list[int] = []

    async with fleet.client(timeout_s=30) as http:
        for _ in range(proof.size(15, 200)):
            statuses += await write_and_delete(fleet, http, random)

    facts = await check_races(fleet, proof)
    proof.did |= {"deleted": statuses.count(204), "refused": statuses.count(409), "too late": statuses.count(404)}
    assert set(statuses) <= {200, 202, 204, 404, 409}, statuses
    assert not rows_of(fleet, WITHOUT_RUNS)
    assert len(facts.runs) < len(statuses)
