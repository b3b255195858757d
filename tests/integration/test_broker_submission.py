"""What was approved is done by the real bot, once, and the books tell what came of it."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.fixtures.freqtrade import FreqtradeBot
from tests.fixtures.money import IntentBook

pytestmark = pytest.mark.freqtrade


async def test_an_approved_buy_is_filled_and_its_trade_carries_the_tag(
    real_loop: IntentBook, freqtrade_bot: FreqtradeBot, free_pair: Callable[[], str]
) -> None:
    intent = await real_loop.enter(pair=free_pair())

    filled = await real_loop.reached(intent, "filled", "failed", "unknown")

    assert (filled.state, filled.note) == ("filled", "")
    assert filled.fill is not None
    trade = next(each for each in freqtrade_bot.ask("status") if each["enter_tag"] == intent.tag)
    assert trade["trade_id"] == filled.fill["trade_id"]
    assert trade["pair"] == intent.pair
    assert Decimal(49) < Decimal(filled.fill["cost"]) <= Decimal(50)
    assert Decimal(filled.fill["amount"]) == Decimal(str(trade["amount"]))
    assert Decimal(filled.fill["price"]) == Decimal(str(trade["open_rate"]))


async def test_what_freqtrade_refuses_has_failed_with_its_reason(real_loop: IntentBook) -> None:
    intent = await real_loop.enter(pair="NO/USDT")

    failed = await real_loop.reached(intent, "filled", "failed", "unknown")

    assert failed.state == "failed"
    assert "Symbol does not exist" in failed.note
