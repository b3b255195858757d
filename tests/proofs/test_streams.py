"""Whoever loses a stream and goes on elsewhere misses nothing and hears nothing twice."""

import pytest

from tests.fixtures.proofs import Proof
from tests.fixtures.proofs_fleet import StartFleet
from tests.fixtures.proofs_streams import Dropper, check_heard, follow_all

pytestmark = pytest.mark.timeout(3600)


async def test_a_hundred_clients_that_drop_their_streams_hear_everything_once(
    start_fleet: StartFleet, proof: Proof
) -> None:
    fleet = await start_fleet()
    fleet.workflow.answers_within_s = 0.3
    random = proof.random
    clients: list[Dropper] = []

    async with fleet.client(timeout_s=30) as http:
        for _ in range(proof.size(1, 20)):
            clients += await follow_all(fleet, http, random)
        wrong = [problem for client in clients for problem in await check_heard(fleet, http, client)]

    proof.count(clients=len(clients), drops=sum(client.drops for client in clients))
    proof.count(events_heard=sum(len(client.events) for client in clients))
    by_run = {client.run_id: client.events for client in clients}
    wrong += [f"two clients of {each.run_id} differ" for each in clients if each.events != by_run[each.run_id]]
    assert not wrong + fleet.complaints(), "\n".join(wrong + fleet.complaints())
