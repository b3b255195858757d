"""The exchange is down, slow, strict, mad or broken at each step of an intent: a stated end, and never two orders."""

from collections import Counter

import pytest

from tests.fixtures.proofs import Proof
from tests.fixtures.proofs_crashes import RESTARTED_S, check_crash, held_up_in_every_state, scene_of
from tests.fixtures.proofs_faults import (
    FAULTS,
    go_on_without_exchange,
    p50_and_p95,
    seconds_to_refuse,
    seconds_to_submit,
)
from tests.fixtures.proofs_money import LIBERAL, MoneyStack

pytestmark = [pytest.mark.stack, pytest.mark.freqtrade, pytest.mark.timeout(3600)]

QUICK = ("down", "garbage")  # Freqtrade takes a minute or two over the others, so they are for the long form
ANSWERED_S = {"slow": 40, "ratelimit": 20}  # until Freqtrade gives up a call, which is at once otherwise


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_exchange_fails_at_every_step(money_stack: MoneyStack, proof: Proof, fault: str) -> None:
    if fault not in QUICK:
        proof.only_long()
    await money_stack.adopt(**LIBERAL)
    ends = Counter[str]()

    for _ in range(proof.size(1, 5)):
        async with scene_of(money_stack, f"approves while the exchange is {fault}") as scene:
            async with held_up_in_every_state(scene) as hold:
                money_stack.exchange.switch(fault)
                hold.let_go()
                await go_on_without_exchange(scene)
            ends += await scene.ended(within_s=ANSWERED_S.get(fault, RESTARTED_S))
            proof.count(intents=len(scene.intents))
            check_crash(money_stack)

    proof.tell("ends", ends)


async def test_how_long_decisions_take(money_stack: MoneyStack, proof: Proof) -> None:
    await money_stack.adopt(**LIBERAL)
    person, refused, submitted = await money_stack.pair("is waited for"), list[float](), list[float]()

    async with money_stack.broker() as broker:
        for _ in range(proof.size(1, 10)):
            refused += [await seconds_to_refuse(broker) for _ in range(20)]
            submitted += [await seconds_to_submit(money_stack, broker, person) for _ in range(10)]
            await money_stack.settled()
            await money_stack.sell_all(broker, person)

    proof.details.append(f"propose to refused: {p50_and_p95(refused)}")
    proof.details.append(f"approve to submitted: {p50_and_p95(submitted)}")
    check_crash(money_stack)
