"""`kill -9` of any process at any step of an intent: it is traded once at most, and its state says what was."""

from collections import Counter

import pytest

from tests.fixtures.proofs import Proof
from tests.fixtures.proofs_crashes import STEPS, check_crash, held_up_in_every_state, held_up_when_leaving, scene_of
from tests.fixtures.proofs_money import LIBERAL, MoneyStack

pytestmark = [pytest.mark.stack, pytest.mark.freqtrade, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("name", ["broker", "controller", "freqtrade", "postgres"])
async def test_killed_with_an_intent_in_every_state(money_stack: MoneyStack, proof: Proof, name: str) -> None:
    await money_stack.adopt(**LIBERAL)
    ends = Counter[str]()

    for _ in range(proof.size(1, 20)):
        async with scene_of(money_stack, f"approves while {name} dies") as scene:
            async with held_up_in_every_state(scene):
                killed = money_stack.kill(name)
            await money_stack.recovered(name, killed=killed)
            await scene.approve(scene.intents["awaiting"])
            ends += await scene.ended()
            proof.count(kills=1, intents=len(scene.intents))
            check_crash(money_stack)

    proof.tell("ends", ends)


async def test_killed_in_the_middle_of_each_step(money_stack: MoneyStack, proof: Proof) -> None:
    await money_stack.adopt(**LIBERAL)
    ends = Counter[str]()

    for name in ("broker",) if not proof.long else ("broker", "postgres", "freqtrade", "controller") * 5:
        for state in STEPS:
            async with scene_of(money_stack, f"approves out of {state}") as scene:
                async with held_up_when_leaving(scene, state):
                    killed = money_stack.kill(name)
                await money_stack.recovered(name, killed=killed)
                ends += await scene.ended()
                proof.count(kills=1, intents=len(scene.intents))
    check_crash(money_stack)

    proof.tell("ends", ends)
