"""Nobody sees, changes or erases another's memory, whatever they call themselves and whatever they send."""

import pytest

from tests.fixtures.memory import TurnsTable
from tests.fixtures.proofs import Proof
from tests.fixtures.proofs_memory import MemoryUnderProof
from tests.fixtures.proofs_memory_crowd import Crowd
from tests.fixtures.waiting import until

pytestmark = pytest.mark.timeout(3600)


async def test_fifty_users(
    memory_under_proof: MemoryUnderProof, through_proxy: dict[str, str], turns_table: TurnsTable, proof: Proof
) -> None:
    await memory_under_proof.start()  # without a model: turns wait
    crowd = Crowd(memory_under_proof, proof.random)

    await crowd.work(proof.size(10_000, 200_000))
    await memory_under_proof.killed(**through_proxy)
    turns_table.make_due()
    await until(turns_table.are_done, timeout_s=600)
    await crowd.check()

    memories = sum(len(each.has) + len(each.said) for each in crowd.people)
    proof.count(operations=crowd.did.total(), users=len(crowd.people), memories=memories, found_by_searches=crowd.found)
    proof.tell("operations", crowd.did)
    assert not crowd.wrong, "\n".join([f"seed {proof.seed}", *crowd.wrong[:50]])
    assert memory_under_proof.running.count() == memories
