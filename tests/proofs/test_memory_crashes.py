"""What memory has acknowledged it has, once, whatever is killed."""

import asyncio

import pytest

from tests.fixtures.memory import TurnsTable
from tests.fixtures.proofs import Proof
from tests.fixtures.proofs_memory import MemoryUnderProof
from tests.fixtures.proofs_memory_crashes import Adding
from tests.fixtures.waiting import until

pytestmark = pytest.mark.timeout(3600)

USERS = [f"user {number}" for number in range(10)]
AT_ONCE = 40
BURST = 300


async def test_adds_survive_kill_9(memory_under_proof: MemoryUnderProof, turns_table: TurnsTable, proof: Proof) -> None:
    memory, random = memory_under_proof, proof.random
    adds, kills = proof.size(5_000, 50_000), proof.size(5, 50)
    await memory.start()
    adding = Adding(memory, USERS, random)
    working = asyncio.create_task(adding.add(adds, at_once=AT_ONCE))

    for moment in sorted(random.sample(range(1, adds), kills)):
        await until(lambda moment=moment: adding.done >= moment or working.done(), timeout_s=600)
        await memory.killed()
        await adding.check()
        proof.count(kills=1)
        memory.answers.set()
    await working
    await adding.check_all_is_there()

    rows = await turns_table.rows()
    proof.count(adds=adding.done, repeated=adding.answers[200], turns=len(rows))
    assert not adding.wrong, "\n".join([f"seed {proof.seed}", *adding.wrong[:50]])
    assert adding.done == adds
    assert len(rows) == len(adding.turns) == adds // 10


async def test_adds_and_searches_at_once(memory_under_proof: MemoryUnderProof, proof: Proof) -> None:
    memory, random = memory_under_proof, proof.random
    await memory.start()
    adding = Adding(memory, USERS, random)

    for _ in range(proof.size(1, 10)):
        searches = [
            memory.ask("/search", {"user": random.choice(USERS), "query": f"What about note {number}?"})
            for number in range(BURST)
        ]
        answers, _ = await asyncio.gather(asyncio.gather(*searches), adding.add(BURST, at_once=BURST))
        proof.count(adds=BURST, searches=len(answers))
        failed = [f"a search gave {status} {said}" for status, said in answers if status != 200 or said["degraded"]]
        assert not failed, "\n".join([f"seed {proof.seed}", *failed])
    await memory.killed()
    await adding.check_all_is_there()

    assert not adding.wrong, "\n".join([f"seed {proof.seed}", *adding.wrong])
