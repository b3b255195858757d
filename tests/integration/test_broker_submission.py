"""What was approved is done by the real bot, once, and the books tell what came of it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from broker.intents import intent_id_of
from tests.fixtures.freqtrade import FreqtradeBot
from tests.fixtures.money import IntentBook

pytestmark = pytest.mark.freqtrade


async def test_an_approved_buy_is_filled_and_its_trade_carries_the_tag(
    real_loop: IntentBook, freqtrade_bot: FreqtradeBot, free_pair: Callable[..., dict[str, Any]]
) -> None:
    filled = await real_loop.bought(free_pair)

    assert filled.note == ""
    assert filled.fill is not None
    trade = next(each for each in freqtrade_bot.ask("status") if intent_id_of(each["enter_tag"]) == filled.id)
    assert trade["trade_id"] == filled.fill["trade_id"]
    assert trade["pair"] == filled.pair
    assert Decimal(49) < Decimal(filled.fill["cost"]) <= Decimal(50)
    assert Decimal(filled.fill["amount"]) == Decimal(str(trade["amount"]))
    assert Decimal(filled.fill["price"]) == Decimal(str(trade["open_rate"]))


async def test_what_freqtrade_refuses_has_failed_with_its_reason(real_loop: IntentBook) -> None:
    intent = await real_loop.enter(pair="NO/USDT")

    failed = await real_loop.reached(intent, "filled", "failed", "unknown")

    assert failed.state == "failed"
    assert "Symbol does not exist" in failed.note


async def test_a_trade_is_left_in_part_and_then_altogether(
    real_loop: IntentBook, freqtrade_bot: FreqtradeBot, free_pair: Callable[..., dict[str, Any]]
) -> None:
    bought = await real_loop.bought(free_pair)
    assert bought.fill is not None
    trade_id, whole = bought.fill["trade_id"], Decimal(bought.fill["amount"])

    half = await real_loop.leave(pair=bought.pair, trade_id=trade_id, amount=whole / 2)
    part = await real_loop.reached(half, "filled", "failed", "unknown")
    open_trade = next(each for each in freqtrade_bot.ask("status") if each["trade_id"] == trade_id)
    rest = await real_loop.leave(pair=bought.pair, trade_id=trade_id)
    last = await real_loop.reached(rest, "filled", "failed", "unknown")
    closed = next(each for each in freqtrade_bot.ask("trades")["trades"] if each["trade_id"] == trade_id)

    assert (part.state, last.state) == ("filled", "filled")
    assert part.fill is not None
    assert last.fill is not None
    assert abs(Decimal(part.fill["amount"]) - whole / 2) < whole / 100
    assert abs(Decimal(str(open_trade["amount"])) - whole / 2) < whole / 100
    assert Decimal(part.fill["amount"]) + Decimal(last.fill["amount"]) == whole
    assert (closed["is_open"], closed["exit_reason"]) == (False, "force_exit")
    assert not set(part.fill["order_ids"]) & set(last.fill["order_ids"])


async def test_leaving_a_trade_that_is_not_open_has_failed(real_loop: IntentBook) -> None:
    intent = await real_loop.leave(trade_id=987_654)

    failed = await real_loop.reached(intent, "filled", "failed", "unknown")

    assert failed.state == "failed"
    assert "invalid argument" in failed.note
