"""What fits the limits one by one but not together, and two people, a deadline or a halt in the very same moment."""

import asyncio
from collections import Counter

import pytest

from pilothouse.clock import now
from tests.fixtures.proofs import Proof
from tests.fixtures.proofs_limits import beyond_limits
from tests.fixtures.proofs_money import LIBERAL, MoneyStack, decide
from tests.fixtures.proofs_money_facts import check_money, read_money
from tests.fixtures.proofs_money_races import (
    approve_about_when_it_expires,
    codes,
    decide_at_once,
    halt_about_when_it_is_approved,
    one_that_waits,
    propose_all_at_once,
    twice_the_same,
    used,
)

pytestmark = [pytest.mark.stack, pytest.mark.freqtrade, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("limit", ["max_exposure", "max_open_trades", "max_orders_per_hour"])
async def test_fifty_that_fit_one_by_one_but_not_together(money_stack: MoneyStack, proof: Proof, limit: str) -> None:
    person, refused = await money_stack.pair(f"sees fifty at {limit}"), Counter[str]()
    for _ in range(proof.size(1, 20)):
        began = now()
        async with money_stack.broker() as broker:
            policy, intents = await propose_all_at_once(money_stack, broker, limit)
            waiting = [each for each in intents if each["state"] == "awaiting_approval"]
            assert 0 < len(waiting) < len(intents) / 2, codes(intents)
            assert used(money_stack, limit, waiting) <= getattr(policy, limit)
            await asyncio.gather(*(decide(broker, person, each) for each in waiting))
            ended = await money_stack.ended([each["id"] for each in waiting])
            await money_stack.sell_all(broker, person)
        refused += codes(intents)
        proof.count(proposed=len(intents), waiting=len(waiting))
        proof.count(filled=sum(1 for each in ended.values() if each["state"] == "filled"))
        facts = read_money(money_stack)
        check_money(facts)
        assert list(beyond_limits(facts, policy, since=began)) == []
    proof.tell("refused by limit", refused)


async def test_two_decisions_at_once(money_stack: MoneyStack, proof: Proof) -> None:
    await money_stack.adopt(**LIBERAL)
    people = [await money_stack.pair("decides first"), await money_stack.pair("decides first too")]
    answers = Counter[str]()
    async with money_stack.broker() as broker:
        for second in ("approve", "reject") * proof.size(2, 50):
            intent = await one_that_waits(money_stack, broker)
            statuses = await decide_at_once(broker, intent, people, ["approve", second])
            await money_stack.ended([intent["id"]])
            answers[f"approve and {second}: {sorted(statuses)}"] += 1
            assert sorted(statuses) == [200, 409]
            intent = await one_that_waits(money_stack, broker)
            assert await twice_the_same(broker, intent, people[0]) == [200, 200]  # the second time as an answer only
            await money_stack.ended([intent["id"]])
            await money_stack.sell_all(broker, people[0])
    proof.tell("answers", answers)
    check_money(read_money(money_stack))


async def test_an_approval_at_the_deadline(money_stack: MoneyStack, proof: Proof) -> None:
    await money_stack.adopt(**LIBERAL)
    person, random, ends = await money_stack.pair("decides at the last moment"), proof.random, Counter[str]()
    async with money_stack.broker() as broker:
        for _ in range(proof.size(3, 50)):
            tries = (approve_about_when_it_expires(money_stack, broker, person, random, place) for place in range(4))
            for status, intent in await asyncio.gather(*tries):
                ends[f"{status}, {intent['state']}"] += 1
                assert status in (200, 409)
                assert (status == 200) or intent["state"] == "expired"
                assert intent["submitted_at"] is None or intent["submitted_at"] < intent["expires_at"]
            await money_stack.sell_all(broker, person)
    proof.tell("ends", ends)
    check_money(read_money(money_stack))


async def test_a_halt_and_an_approval_at_once(money_stack: MoneyStack, proof: Proof) -> None:
    await money_stack.adopt(**LIBERAL)
    person, random, ends = await money_stack.pair("halts and goes on"), proof.random, Counter[str]()
    async with money_stack.broker() as broker:
        for _ in range(proof.size(3, 50)):
            intent = await halt_about_when_it_is_approved(money_stack, broker, person, random)
            ends[intent["state"]] += 1
            await money_stack.sell_all(broker, person)
    proof.tell("ends", ends)
    check_money(read_money(money_stack))
