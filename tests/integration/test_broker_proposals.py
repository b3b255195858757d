"""Proposals to the real broker over HTTP, and judged by the word of the real bot."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from broker.freqtrade import Freqtrade
from pilothouse.clock import now
from tests.fixtures.broker import Broker
from tests.fixtures.freqtrade import FreqtradeBot
from tests.fixtures.limits import MakeDesk, an_entry_request, an_exit_request, codes, entry_body

pytestmark = pytest.mark.freqtrade


async def propose(broker: Broker, **changes: Any) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {broker.key}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{broker.server.url}/intents", json=entry_body() | changes, headers=headers) as response,
    ):
        return response.status, await response.json()


async def test_a_refusal_over_http_names_every_reason_and_is_told_again_for_its_key(broker: Broker) -> None:
    asked = {"key": str(uuid4()), "pair": "ZZZ/USDT", "stake": "100.01", "lifetime_s": 901}

    first, again = await propose(broker, **asked), await propose(broker, **asked)

    assert first == again
    assert (first[0], first[1]["state"]) == (200, "refused")
    assert {each["code"] for each in first[1]["refusals"]} >= {
        "allowed_pairs",
        "max_stake",
        "intent_lifetime",
        "no_data",
    }


async def test_a_key_with_another_body_is_a_conflict_over_http(broker: Broker) -> None:
    key = str(uuid4())
    await propose(broker, key=key, stake="500")

    status, body = await propose(broker, key=key, stake="501")

    assert (status, body["error"]["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    "changes",
    [{"stake": 50}, {"stake": "1e-30"}, {"stake": "9" * 5000}, {"pair": "\u0415TH/USDT"}, {"reason": "\ud800"}],
)
async def test_what_is_not_exactly_a_request_is_bad_input_over_http(broker: Broker, changes: dict[str, Any]) -> None:
    status, body = await propose(broker, key=str(uuid4()), **changes)

    assert (status, body["error"]["code"]) == (422, "bad_input")


async def test_an_entry_at_the_price_the_real_bot_knows_awaits_a_person(
    make_desk: MakeDesk, real_freqtrade: Freqtrade, free_pair: Callable[[], dict[str, Any]]
) -> None:
    desk, seen = await make_desk(real_freqtrade, now, allowed_pairs='["*"]', cooldown_after_loss_s="0"), free_pair()
    price = f"{seen['price_seen']:f}"

    at_it = await desk.propose("controller", an_entry_request(pair=seen["pair"], price_seen=price))
    far_off = await desk.propose("controller", an_entry_request(key="2", pair=seen["pair"], price_seen="1000000"))

    assert (at_it.state, at_it.refusals) == ("awaiting_approval", [])
    assert codes(far_off) == {"max_price_drift", "pair_taken"}


async def test_a_trade_of_the_real_bot_can_be_left_and_its_pair_is_taken(
    make_desk: MakeDesk, real_freqtrade: Freqtrade, freqtrade_bot: FreqtradeBot
) -> None:
    desk = await make_desk(real_freqtrade, now)
    trade = freqtrade_bot.wait_for("status", bool)[0]
    seen = {"pair": trade["pair"], "price_seen": str(trade["current_rate"])}
    leaving = {**seen, "trade_id": trade["trade_id"]}

    entry = await desk.propose("controller", an_entry_request(**seen))
    too_much = await desk.propose(
        "controller", an_exit_request(**leaving, key="3", amount=f"{trade['amount'] * 2:.8f}")
    )
    all_of_it = await desk.propose("controller", an_exit_request(**leaving))

    assert "pair_taken" in codes(entry)
    assert codes(too_much) == {"amount"}
    assert (all_of_it.state, all_of_it.refusals) == ("awaiting_approval", [])
