"""Whoever loses a stream and goes on elsewhere misses nothing and hears nothing twice."""

import asyncio
from random import Random

import httpx
import pytest

from tests.fixtures.proofs import Proof
from tests.fixtures.proofs_fleet import Fleet, StartFleet
from tests.fixtures.proofs_streams import Dropper

pytestmark = pytest.mark.timeout(3600)

RUNS = 25
CLIENTS_A_RUN = 4
MESSAGES = ("Hello", "Run a workflow", "Run a workflow, and remember that I like tea")


async def test_a_hundred_clients_that_drop_their_streams_hear_everything_once(
    start_fleet: StartFleet, proof: Proof
) -> None:
    fleet = await start_fleet(workers=1)
    fleet.workflow.answers_within_s = 0.3
    random = proof.random
    clients: list[Dropper] = []

    async with fleet.client(timeout_s=30) as http:
        for _ in range(proof.size(1, 20)):
            clients += await _one_round(fleet, http, random)
        wrong = [problem for client in clients for problem in await _check(fleet, http, client)]

    proof.did |= {"clients": len(clients), "drops": sum(client.drops for client in clients)}
    proof.did |= {"events heard": sum(len(client.events) for client in clients)}
    by_run = {client.run_id: client.events for client in clients}
    wrong += [f"two clients of {each.run_id} differ" for each in clients if each.events != by_run[each.run_id]]
    assert not wrong + fleet.complaints(), "\n".join(wrong + fleet.complaints())


async def _one_round(fleet: Fleet, http: httpx.AsyncClient, random: Random) -> list[Dropper]:
    clients: list[Dropper] = []
    for number in range(RUNS):
        body = {"message": random.choice(MESSAGES), "background": number % 4 == 0}
        started = await http.post(f"{fleet.urls[number % 2]}/api/runs", json=body)
        clients += [
            Dropper(started.json()["run_id"], fleet.urls[:: random.choice((1, -1))], Random(random.random()))  # noqa: S311
            for _ in range(CLIENTS_A_RUN)
        ]
    async with asyncio.timeout(180):
        await asyncio.gather(*(client.follow(http) for client in clients))
    return clients


async def _check(fleet: Fleet, http: httpx.AsyncClient, client: Dropper) -> list[str]:
    run = (await http.get(f"{fleet.urls[0]}/api/runs/{client.run_id}")).json()
    thread = (await http.get(f"{fleet.urls[0]}/api/threads/{run['thread_id']}")).json()
    said, heard = thread["messages"][-1]["content"], client.heard
    wrong = (
        [] if (run["status"], heard.end) == ("finished", "run.finished") else [f"{run['status']}, heard {heard.end}"]
    )
    if heard.numbers != list(range(1, len(heard.numbers) + 1)):
        wrong.append(f"numbers {heard.numbers}")
    if not heard.text == heard.answer == said:
        wrong.append(f"heard {heard.text!r}, answer {heard.answer!r}, stored {said!r}")
    return [f"a client of {client.run_id}: {problem}" for problem in wrong]
