"""Freqtrade's last door: it lets nothing through as the broker's that is not, or no longer, on the broker's terms."""

import urllib.error
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from broker.intents import Intent
from broker.permits import Permits
from broker.policy import CurrentPolicy
from pilothouse.clock import now
from tests.fixtures.broker import POLICY, until
from tests.fixtures.freqtrade import ENTRY_KEY, FreqtradeBot
from tests.fixtures.money import IntentBook, Loop, make_intent

pytestmark = pytest.mark.freqtrade

PERMITS = Permits(ENTRY_KEY, CurrentPolicy(POLICY))


TAGS: dict[str, Callable[[Intent], str]] = {
    "no proof": lambda intent: intent.tag,
    "another's proof": Permits("a key of my own" * 3, PERMITS.policy).tag,
    "for another pair": lambda intent: PERMITS.tag(replace(intent, pair="XRP/BTC")),
    "for a smaller stake": lambda intent: PERMITS.tag(replace(intent, stake=Decimal(40))),
    "changed terms": lambda intent: PERMITS.tag(intent).replace(":50:", ":5000:"),
    "too late": replace(PERMITS, clock=lambda: now() - timedelta(minutes=2)).tag,
    "too dear": lambda intent: PERMITS.tag(replace(intent, price_seen=intent.price_seen * Decimal("0.9"))),
}


@pytest.mark.parametrize("what", TAGS)
def test_an_entry_that_is_not_on_the_brokers_terms_is_refused(
    freqtrade_bot: FreqtradeBot, free_pair: Callable[..., dict[str, Any]], what: str
) -> None:
    intent = make_intent(**free_pair())

    with pytest.raises(urllib.error.HTTPError) as refusal:
        freqtrade_bot.ask("forceenter", {"pair": intent.pair, "stakeamount": 50, "entry_tag": TAGS[what](intent)})

    assert refusal.value.code == 502
    assert b"Failed to enter position" in refusal.value.read()
    refusal.value.close()


async def test_with_strategy_entries_off_only_approved_intents_enter(
    bot_without_strategy_entries: FreqtradeBot, loop: Loop, free_pair: Callable[..., dict[str, Any]]
) -> None:
    bot = bot_without_strategy_entries
    before = {each["trade_id"] for each in bot.ask("status")}

    async def the_strategy_was_refused() -> bool:
        return "the policy lets no strategy enter" in (bot.folder / "freqtrade.log").read_text()

    await until(the_strategy_was_refused)
    intents: IntentBook = await loop.on(bot)
    intent = await intents.enter(**free_pair(contested=False))
    filled = await intents.reached(intent, "filled", "failed", "unknown")

    assert filled.fill is not None
    assert {each["trade_id"] for each in bot.ask("status")} - before == {filled.fill["trade_id"]}
