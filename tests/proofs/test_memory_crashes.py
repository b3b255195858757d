"""What memory has acknowledged it has, once, and what it has forgotten it has not, whatever is killed."""

import asyncio

import pytest

from tests.fixtures.memory import TurnsTable
from tests.fixtures.proofs import Proof
from tests.fixtures.proofs_memory import MemoryUnderProof
from tests.fixtures.proofs_memory_crashes import Adding
from tests.fixtures.proofs_memory_erasing import Erasing, files_that_hold
from tests.fixtures.waiting import until

pytestmark = pytest.mark.timeout(3600)

USERS = [f"user {number}" for number in range(10)]
AT_ONCE = 40
BURST = 300
NOTES_EACH = 30


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


async def test_forgetting_survives_kill_9(memory_under_proof: MemoryUnderProof, proof: Proof) -> None:
    memory, random = memory_under_proof, proof.random
    await memory.start()
    erasing = Erasing(memory, USERS, random)
    await erasing.add(NOTES_EACH, USERS)

    for number in range(proof.size(4, 60)):
        wishes = erasing.wish()
        asking = [asyncio.create_task(erasing.ask(each)) for each in wishes]
        adding = asyncio.create_task(erasing.add(2, erasing.users_without(wishes)))
        if number % 2:
            await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(random.uniform(0, 1))
        memory.kill()
        await asyncio.gather(*asking)
        await memory.started_again()
        memory.answers.set()
        await adding
        await erasing.check(wishes)
        await asyncio.gather(*(erasing.insist(each) for each in wishes))
        await erasing.check()
        await erasing.check_files()
        proof.count(kills=1, wishes=len(wishes), granted_before=sum(each.granted for each in wishes))
    await memory.killed()
    await erasing.check()
    await erasing.check_files()

    proof.count(forgotten=len(erasing.gone))
    kept = [text for texts in erasing.has.values() for text in texts.values()]
    assert not erasing.wrong, "\n".join([f"seed {proof.seed}", *erasing.wrong])
    assert files_that_hold(kept, memory.running.data), "words cannot be found in the files: this proves nothing"
