"""Nobody sees, changes or erases another's memory, whatever they call themselves and whatever they send."""

import asyncio

import pytest

from tests.fixtures.controller import start_controller
from tests.fixtures.memory import TurnsTable
from tests.fixtures.openrouter_twin import OpenRouterTwin
from tests.fixtures.postgres import DatabaseUrls
from tests.fixtures.processes import Launcher
from tests.fixtures.proofs import Proof
from tests.fixtures.proofs_memory import HOSTILE_USERS, MemoryUnderProof
from tests.fixtures.proofs_memory_api import ApiDoor
from tests.fixtures.proofs_memory_crowd import THROUGH_THE_API, Crowd
from tests.fixtures.waiting import until

pytestmark = pytest.mark.timeout(3600)


async def test_fifty_users(
    memory_under_proof: MemoryUnderProof, through_proxy: dict[str, str], turns_table: TurnsTable, proof: Proof
) -> None:
    await memory_under_proof.start()  # without a model: turns wait
    crowd = Crowd(memory_under_proof, proof.random)

    await crowd.work(proof.size(10_000, 200_000))
    await memory_under_proof.killed()
    await crowd.check()
    await memory_under_proof.killed(**through_proxy)
    turns_table.make_due()
    await until(turns_table.are_done, timeout_s=600)
    await crowd.check_turns()

    told(proof, crowd)
    assert not crowd.wrong, "\n".join([f"seed {proof.seed}", *crowd.wrong[:50]])
    assert memory_under_proof.running.count() == sum(len(each.has) + len(each.said) for each in crowd.people)


async def test_users_with_keys(
    memory_under_proof: MemoryUnderProof,
    own_launcher: Launcher,
    database_urls: DatabaseUrls,
    *,
    openrouter_twin: OpenRouterTwin,
    proof: Proof,
) -> None:
    memory = memory_under_proof
    await memory.start()
    controller = await asyncio.to_thread(
        start_controller, own_launcher, database_urls, twin=openrouter_twin, memory_url=memory.running.url
    )
    names = [each for each in HOSTILE_USERS if "\0" not in each][: proof.size(12, 40)]  # PostgreSQL has no NUL
    door = ApiDoor(controller, memory.session)
    crowd = Crowd(door, proof.random, names, THROUGH_THE_API, may_be_tainted=False)

    await crowd.work(proof.size(600, 10_000))
    await crowd.check()

    told(proof, crowd)
    assert not crowd.wrong, "\n".join([f"seed {proof.seed}", *crowd.wrong[:50]])
    assert memory.running.count() == sum(len(each.has) for each in crowd.people)


def told(proof: Proof, crowd: Crowd) -> None:
    """What was done, in the table."""
    memories = sum(len(each.has) + len(each.said) for each in crowd.people)
    proof.count(operations=crowd.did.total(), users=len(crowd.people), memories=memories, found_by_searches=crowd.found)
    proof.tell("operations", crowd.did)
