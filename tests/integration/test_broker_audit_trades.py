"""Freqtrade's trades against the intents: none without an intent where the policy says so, and none missing."""

from datetime import timedelta

import pytest

from broker.intents import State
from pilothouse.clock import now
from tests.fixtures.audit import TO_FILLED, AuditedBooks
from tests.fixtures.money import make_intent

FILL = {"trade_id": 1, "order_ids": ["a"], "amount": "0.0066", "cost": "19.87", "price": "3010", "at": None}
LATER = timedelta(minutes=1)


async def test_a_filled_intent_with_its_trade_is_in_order(audited: AuditedBooks) -> None:
    intent = await audited.enter(make_intent(), *TO_FILLED, fill=FILL)

    audited.add_trade(intent.tag, opened_at=now())

    assert await audited.found() == []


@pytest.mark.parametrize(("says", "found"), [("off", [("trade_without_intent", "trade 1")]), ("counted", [])])
async def test_the_strategys_own_trade_is_found_where_the_policy_says_off(
    audited: AuditedBooks, says: str, found: list[tuple[str, str]]
) -> None:
    await audited.say_strategy_entries(says)

    audited.add_trade("last_minute_rose", opened_at=now() + LATER)

    assert await audited.found() == found


async def test_a_trade_from_before_the_policy_said_off_is_in_order(audited: AuditedBooks) -> None:
    before = now()
    await audited.say_strategy_entries("counted", "off")

    audited.add_trade("last_minute_rose", opened_at=before)

    assert (await audited.verify()).records == 2
    assert await audited.found() == []


@pytest.mark.parametrize("states", [(), ("refused",), ("awaiting_approval", "rejected"), ("approved",)])
async def test_a_trade_with_the_tag_of_an_intent_that_was_never_sent_is_found(
    audited: AuditedBooks, states: tuple[State, ...]
) -> None:
    intent = await audited.enter(make_intent(), *states)

    audited.add_trade(intent.tag, opened_at=now())

    assert await audited.found() == [("trade_without_intent", "trade 1")]


@pytest.mark.parametrize("tag", [make_intent().tag, "pilothouse:none", "pilothouse:"])
async def test_a_trade_with_an_invented_tag_of_ours_is_found(audited: AuditedBooks, tag: str) -> None:
    audited.add_trade(tag, opened_at=now())

    assert await audited.found() == [("trade_without_intent", "trade 1")]


async def test_a_trade_in_another_pair_than_its_intent_is_found(audited: AuditedBooks) -> None:
    intent = await audited.enter(make_intent(pair="BTC/USDT"), *TO_FILLED, fill=FILL)

    audited.add_trade(intent.tag, opened_at=now())

    assert await audited.found() == [("trade_without_intent", "trade 1")]


async def test_two_trades_of_one_intent_are_found(audited: AuditedBooks) -> None:
    intent = await audited.enter(make_intent(), *TO_FILLED, fill=FILL)

    for trade_id in (1, 2):
        audited.add_trade(intent.tag, trade_id=trade_id, opened_at=now())

    assert await audited.found() == [("trade_twice", f"intent {intent.id}")]


async def test_a_filled_entry_without_a_trade_is_found(audited: AuditedBooks) -> None:
    intent = await audited.enter(make_intent(), *TO_FILLED, fill=FILL)

    audited.add_trade("last_minute_rose", opened_at=now())

    assert await audited.found() == [("intent_without_trade", f"intent {intent.id}")]


async def test_a_filled_entry_whose_trade_freqtrade_forgot_is_found(audited: AuditedBooks) -> None:
    intent = await audited.enter(make_intent(), *TO_FILLED, fill=FILL)
    audited.add_trade(intent.tag, opened_at=now())

    audited.tamper("UPDATE broker.trades SET is_open = false, gone_at = now()")

    assert await audited.found() == [("intent_without_trade", f"intent {intent.id}")]


async def test_what_a_person_resolved_as_filled_is_held_to_nothing(audited: AuditedBooks) -> None:
    await audited.enter(make_intent(), "approved", "submitting", "unknown", "filled", note="seen at the exchange")

    audited.add_trade("last_minute_rose", opened_at=now())

    assert await audited.found() == []


async def test_a_fill_that_is_newer_than_what_is_known_of_the_trades_is_no_finding(audited: AuditedBooks) -> None:
    await audited.enter(make_intent(), *TO_FILLED, fill=FILL)

    assert await audited.found() == []


@pytest.mark.parametrize(("exits", "is_found"), [((), True), (("before",), True), (("before", "new"), False)])
async def test_a_filled_exit_without_an_exit_order_of_its_own_is_found(
    audited: AuditedBooks, exits: tuple[str, ...], *, is_found: bool
) -> None:
    leaving = make_intent(action="exit", stake=None, trade_id=1)
    intent = await audited.enter(leaving, "approved", "submitting", orders_before=["before"])
    await audited.bring(intent, "submitted", "filled", fill=FILL)

    audited.add_trade("last_minute_rose", opened_at=now(), exits=exits)

    assert await audited.found() == ([("intent_without_trade", f"intent {intent.id}")] if is_found else [])
