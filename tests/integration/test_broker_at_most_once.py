"""Whatever becomes of the answer, an intent is sent to Freqtrade at most once, and what it came to is found out."""

import asyncio
from datetime import timedelta

import pytest

from broker.intents import State
from broker.limits import NO_DATA, Refusal
from pilothouse.clock import now
from stack.ports import LOOPBACK, find_free
from tests.fixtures.broker import StandIn, shown_trade
from tests.fixtures.money import IntentBook, Loop, bought, sold, until_looked_at

GATEWAY = "<html><h1>502 Bad Gateway</h1></html>"


@pytest.mark.parametrize("how", ["dropped", "hung", "broken off"])
async def test_an_entry_whose_answer_is_lost_is_found_by_its_tag(
    intents: IntentBook, loop: Loop, stand_in: StandIn, how: str
) -> None:
    intent = await intents.enter()
    stand_in.on_post = lambda _: stand_in.answers.update(status=(200, [bought(intent)]))
    stand_in.drops |= {"forceenter"} if how == "dropped" else set()
    stand_in.delays_s["forceenter"] = 30 if how == "hung" else 0
    stand_in.answers["forceenter"] = (500, "Internal Server Error")

    await loop.start(url=stand_in.url, patience_s=0.2)

    filled = await intents.reached(intent, "filled", "failed", "unknown")
    assert filled.state == "filled"
    assert filled.fill == {
        "trade_id": 7,
        "order_ids": ["dry_run_buy_1"],
        "amount": "0.0166",
        "cost": "49.979944",
        "price": "3010.84",
        "at": "2026-11-24T08:12:46.456000+00:00",
    }
    assert [path for path, _ in stand_in.posted] == ["forceenter"]
    assert stand_in.posted[0][1]["entry_tag"].startswith(intent.tag)


@pytest.mark.parametrize(("status", "body"), [(500, "Internal Server Error"), (502, GATEWAY), (504, GATEWAY)])
async def test_what_cannot_be_established_is_unknown_and_never_sent_again(
    intents: IntentBook, loop: Loop, stand_in: StandIn, status: int, body: str
) -> None:
    stand_in.answers["forceenter"] = (status, body)
    intent = await intents.enter()

    await loop.start(url=stand_in.url, grace_s=0)
    unknown = await intents.reached(intent, "unknown")
    await loop.start(url=stand_in.url, grace_s=0)
    looks = stand_in.asked.count("status")

    await until_looked_at(stand_in, looks + 3)
    assert await intents.state(intent) == "unknown"
    assert "no trace" in unknown.note
    assert [path for path, _ in stand_in.posted] == ["forceenter"]


async def test_an_unknown_entry_is_settled_by_proof_that_is_found_later(
    intents: IntentBook, loop: Loop, stand_in: StandIn
) -> None:
    intent = await intents.enter("unknown")
    await loop.start(url=stand_in.url)
    await until_looked_at(stand_in, 2)

    stand_in.answers["trades"] = (200, {"trades": [bought(intent) | {"is_open": False}], "total_trades": 1})

    assert (await intents.reached(intent, "filled")).fill is not None
    assert stand_in.posted == []


async def test_an_exit_whose_answer_is_lost_is_found_among_its_trades_orders(
    intents: IntentBook, loop: Loop, stand_in: StandIn
) -> None:
    entry = shown_trade()["orders"]
    earlier = sold(order_id="dry_run_sell_0", amount=0.001)
    stand_in.answers["status"] = (200, [shown_trade(orders=[*entry, earlier])])
    after = [shown_trade(orders=[*entry, earlier, sold(tag="roi", order_id="roi"), sold(amount=0.0083)])]
    stand_in.on_post = lambda _: stand_in.answers.update(status=(200, after))
    stand_in.drops |= {"forceexit"}
    intent = await intents.leave(trade_id=1)

    await loop.start(url=stand_in.url)

    filled = await intents.reached(intent, "filled", "failed", "unknown")
    assert filled.fill is not None
    assert (filled.state, filled.fill["order_ids"], filled.fill["amount"]) == ("filled", ["dry_run_sell_1"], "0.0083")
    assert [path for path, _ in stand_in.posted] == ["forceexit"]


async def test_an_exit_that_leaves_no_new_order_is_unknown(intents: IntentBook, loop: Loop, stand_in: StandIn) -> None:
    stand_in.answers["status"] = (200, [shown_trade(orders=[sold()])])
    stand_in.answers["forceexit"] = (500, "Internal Server Error")
    intent = await intents.leave(trade_id=1)

    await loop.start(url=stand_in.url, grace_s=0)

    await intents.reached(intent, "unknown")
    assert [path for path, _ in stand_in.posted] == ["forceexit"]


async def test_what_a_killed_broker_was_sending_is_looked_for_not_sent(
    intents: IntentBook, loop: Loop, stand_in: StandIn
) -> None:
    there, gone = await intents.enter("submitting"), await intents.enter("submitting", pair="BTC/USDT")
    stand_in.answers["status"] = (200, [bought(there)])

    await loop.start(url=stand_in.url, grace_s=0)

    await intents.reached(there, "filled")
    await intents.reached(gone, "unknown")
    assert stand_in.posted == []


async def test_an_unanswered_call_is_not_given_up_before_its_time(
    intents: IntentBook, loop: Loop, stand_in: StandIn
) -> None:
    intent = await intents.enter("submitting")

    await loop.start(url=stand_in.url, grace_s=3600)
    await until_looked_at(stand_in, 3)

    assert await intents.state(intent) == "submitting"


async def test_an_entry_that_waits_for_its_price_is_not_filled_yet_and_failed_once_freqtrade_forgot_it(
    intents: IntentBook, loop: Loop, stand_in: StandIn
) -> None:
    stand_in.answers["forceenter"] = (200, {})
    intent = await intents.enter()
    waiting = bought(intent, status="open", filled=0, order_filled_timestamp=None)
    stand_in.answers["status"] = (200, [waiting])
    await loop.start(url=stand_in.url)
    await intents.reached(intent, "submitted")
    await until_looked_at(stand_in, stand_in.asked.count("status") + 2)
    assert await intents.state(intent) == "submitted"

    stand_in.answers["status"] = (200, [])

    failed = await intents.reached(intent, "failed")
    assert "nothing was traded" in failed.note


async def test_a_call_that_could_not_be_sent_has_failed(intents: IntentBook, loop: Loop) -> None:
    intent = await intents.enter()

    await loop.start(url=f"http://{LOOPBACK}:{find_free()}")

    assert "was not sent" in (await intents.reached(intent, "failed", "unknown")).note
    assert await intents.state(intent) == "failed"


async def test_while_freqtrade_cannot_be_asked_nothing_is_sent(
    intents: IntentBook, loop: Loop, stand_in: StandIn
) -> None:
    stand_in.answers["status"] = (500, "Internal Server Error")
    stand_in.answers["forceexit"] = (200, {})
    intent = await intents.leave(trade_id=1)
    await loop.start(url=stand_in.url)
    await until_looked_at(stand_in, 2)
    assert (stand_in.posted, await intents.state(intent)) == ([], "approved")

    stand_in.answers["status"] = (200, [shown_trade()])

    await intents.reached(intent, "failed", "filled")
    assert [path for path, _ in stand_in.posted] == ["forceexit"]


async def test_two_on_one_pair_go_one_after_the_other(intents: IntentBook, loop: Loop, stand_in: StandIn) -> None:
    stand_in.answers["forceenter"] = (200, {})
    first, second = await intents.enter(), await intents.enter()
    stand_in.answers["status"] = (200, [bought(first, status="open", filled=0)])
    await loop.start(url=stand_in.url)
    await intents.reached(first, "submitted")
    await until_looked_at(stand_in, stand_in.asked.count("status") + 2)
    assert await intents.state(second) == "approved"

    stand_in.answers["status"] = (200, [bought(first)])

    await intents.reached(first, "filled")
    await intents.reached(second, "submitted", "failed")
    assert [body["entry_tag"][: len(first.tag)] for _, body in stand_in.posted] == [first.tag, second.tag]


async def test_what_is_refused_when_checked_again_is_never_sent(
    intents: IntentBook, loop: Loop, stand_in: StandIn
) -> None:
    loop.desk.refusals = [Refusal("drift", "the price moved"), Refusal(NO_DATA, "no balance")]
    intent = await intents.enter()

    await loop.start(url=stand_in.url)

    refused = await intents.reached(intent, "refused")
    assert refused.refusals == [
        {"code": "drift", "message": "the price moved"},
        {"code": "no_data", "message": "no balance"},
    ]
    assert stand_in.posted == []


async def test_while_nothing_can_be_known_an_approved_intent_waits_and_goes_as_soon_as_it_can(
    intents: IntentBook, loop: Loop, stand_in: StandIn
) -> None:
    stand_in.answers["forceenter"] = (200, {})
    loop.desk.refusals = [Refusal(NO_DATA, "Freqtrade cannot be reached")]
    intent = await intents.enter()
    await loop.start(url=stand_in.url)
    await asyncio.sleep(2.5)  # two rounds
    assert await intents.state(intent) == "approved"
    assert stand_in.posted == []

    loop.desk.refusals = []

    await intents.reached(intent, "submitted", "failed", "filled")
    assert len(stand_in.posted) == 1


@pytest.mark.parametrize("state", ["awaiting_approval", "approved"])
async def test_after_its_time_an_intent_is_expired_and_never_sent(
    intents: IntentBook, loop: Loop, stand_in: StandIn, state: State
) -> None:
    late, early = await intents.enter(state), await intents.enter("awaiting_approval", pair="BTC/USDT")
    late_by = late.expires_at + timedelta(seconds=1)
    later = await intents.enter("awaiting_approval", pair="SOL/USDT", expires_at=late_by + timedelta(hours=1))

    await loop.start(url=stand_in.url, clock=lambda: late_by)

    await intents.reached(late, "expired")
    await intents.reached(early, "expired")
    assert await intents.state(later) == "awaiting_approval"
    assert stand_in.posted == []
    assert now() < late_by
