"""The real broker on the real bot, killed in the middle of a call that moves money; and halted while it works."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from broker.intents import intent_id_of
from tests.fixtures.broker import Broker, until
from tests.fixtures.money import IntentBook
from tests.fixtures.relay import Relay

pytestmark = pytest.mark.freqtrade

StartBroker = Callable[[], Awaitable[Broker]]


async def test_killed_before_it_hears_of_its_buy_it_finds_it_and_does_not_buy_again(
    intents: IntentBook, relay: Relay, start_broker: StartBroker, free_pair: Callable[..., dict[str, Any]]
) -> None:
    relay.keeps = "answers"
    intent = await intents.enter(**free_pair())
    broker = await start_broker()

    async def it_bought() -> bool:
        return any(intent_id_of(each["enter_tag"]) == intent.id for each in relay.bot.ask("status"))

    await until(it_bought)
    assert await intents.state(intent) == "submitting"
    broker.server.kill()
    relay.keeps = "nothing"
    await start_broker()

    found = await intents.reached(intent, "filled", "failed", "unknown")
    assert found.state in ("filled", "failed")  # found in any case; the price may have run away from it
    assert relay.moved == ["forceenter"]


async def test_killed_before_freqtrade_heard_of_a_buy_it_does_not_send_it_again(
    intents: IntentBook, relay: Relay, start_broker: StartBroker, free_pair: Callable[..., dict[str, Any]]
) -> None:
    relay.keeps = "calls"
    intent = await intents.enter(**free_pair())
    broker = await start_broker()

    sent = await intents.reached(intent, "submitting", "refused", "failed")

    async def it_came() -> bool:
        return relay.moved == ["forceenter"]

    assert sent.refusals == []
    await until(it_came)
    broker.server.kill()
    relay.keeps = "nothing"
    await start_broker()
    looks = relay.looks

    async def it_was_looked_for() -> bool:
        return relay.looks >= looks + 3

    await until(it_was_looked_for)
    assert await intents.state(intent) == "submitting"
    assert relay.moved == ["forceenter"]


async def test_while_halted_nothing_is_bought_and_what_is_open_can_be_left(
    intents: IntentBook, relay: Relay, start_broker: StartBroker, free_pair: Callable[..., dict[str, Any]]
) -> None:
    broker = await start_broker()
    bought = await intents.bought(free_pair)
    assert bought.fill is not None

    status, answer = await broker.post("/halt", {"reason": "prices look wrong", "user_id": "ada"})
    refused = await intents.reached(await intents.enter(**free_pair(leave=False)), "refused", "filled", "failed")
    leaving = await intents.leave(pair=bought.pair, trade_id=bought.fill["trade_id"], price_seen=bought.price_seen)
    left = await intents.reached(leaving, "filled", "failed", "refused", "unknown")

    assert (status, answer["halt"]["halted_by"]) == (200, "ada through controller")
    assert "halted" in {each["code"] for each in refused.refusals}
    assert (left.state, relay.bot.ask("show_config")["state"]) == ("filled", "paused")
