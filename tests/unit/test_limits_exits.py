"""What an exit needs, and what does not hold it back; who must decide; and what is not known."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from broker.bot_side import Funds, Told, Trades
from broker.intents import Intent, State
from broker.limits import needs_person
from broker.snapshot import Snapshot
from tests.fixtures.limits import (
    MINUTE,
    NOON,
    a_bot,
    a_closed_trade,
    a_config,
    a_policy,
    a_trade,
    an_entry,
    an_exit,
    bot_with,
    judged,
    our_books,
)

ALLOWANCE: dict[str, Any] = {"entry_approval": "allowance", "allowance_stake": "50", "allowance_stake_per_day": "120"}


def asks_person(intent: Intent, *, spent: int = 0, **policy: Any) -> bool:
    return needs_person(intent, a_policy(**policy), Snapshot(a_bot(), our_books(allowed_today=Decimal(spent))))


def test_an_exit_of_an_open_trade_is_not_refused() -> None:
    assert judged(an_exit(), bot=bot_with(a_trade())) == {}


def test_no_limit_on_entries_and_no_halt_keeps_one_in_a_trade() -> None:
    bot = bot_with(
        a_trade(stake_amount=Decimal(900), profit_abs=-500),
        a_closed_trade(trade_id=2, profit_abs=-90, close_date=NOON),
        config=a_config(state="paused"),
        funds=Told(Funds(Decimal(1), Decimal(0))),
    )
    books = our_books(halted="a test", under_way=[an_entry(state="unknown", pair="BTC/USDT")])
    strict: dict[str, Any] = {"allowed_pairs": ["ETH/USDT"], "max_open_trades": 0, "max_orders_per_hour": 0}

    assert judged(an_exit(), bot=bot, books=books, quiet_hours=["00:00-23:59"], **strict) == {}


def test_a_trade_must_be_open_to_be_left() -> None:
    assert judged(an_exit(), bot=bot_with(a_closed_trade())) == {"trade_open": "trade 1 is not open"}
    assert judged(an_exit(pair="ETH/USDT"), bot=bot_with(a_trade())) == {"trade_open": "trade 1 is in BTC/USDT"}


def test_no_more_is_sold_than_the_trade_holds() -> None:
    bot = bot_with(a_trade(amount=Decimal("0.5")))

    assert judged(an_exit(amount=Decimal("0.5")), bot=bot) == {}
    assert judged(an_exit(amount=Decimal("0.500000000001")), bot=bot) == {
        "amount": "0.500000000001 is above the 0.5 that trade 1 holds"
    }


@pytest.mark.parametrize("state", ["awaiting_approval", "approved", "submitting", "submitted", "unknown"])
def test_a_trade_is_left_by_one_exit_at_a_time(state: State) -> None:
    def beside(trade_id: int) -> dict[str, str]:
        other = an_exit(state=state, trade_id=trade_id)
        return judged(an_exit(), bot=bot_with(a_trade()), books=our_books(under_way=[other]))

    assert beside(1).keys() == {"exit_taken"}
    assert beside(2) == {}


def test_a_stopped_bot_leaves_nothing() -> None:
    assert judged(an_exit(), bot=bot_with(a_trade(), config=a_config(state="stopped"))) == {
        "bot_state": "Freqtrade is stopped"
    }


def test_an_exit_is_shown_with_an_honest_price_but_a_fall_after_approval_does_not_keep_it() -> None:
    fell = bot_with(a_trade(), price=Told(Decimal(2000)))

    assert judged(an_exit(), bot=fell).keys() == {"max_price_drift"}
    assert judged(an_exit(state="approved"), bot=fell) == {}


def test_an_exit_lives_no_longer_than_the_policy_says() -> None:
    bot = bot_with(a_trade())

    assert judged(an_exit(expires_at=NOON + 16 * MINUTE), bot=bot).keys() == {"intent_lifetime"}
    assert judged(an_exit(created_at=NOON - MINUTE, expires_at=NOON), bot=bot).keys() == {"expired"}


@pytest.mark.parametrize("missing", ["config", "pairs", "locks", "trades", "funds", "price"])
def test_an_entry_is_refused_for_whatever_is_not_known(missing: str) -> None:
    bot = replace(bot_with(a_trade()), **{missing: Told(problem=f"nobody knows the {missing}")})

    assert judged(an_entry(), bot=bot) == {"no_data": f"nobody knows the {missing}"}


@pytest.mark.parametrize("missing", ["config", "trades", "price"])
def test_an_exit_is_refused_only_for_what_it_needs_and_is_not_known(missing: str) -> None:
    bot = replace(bot_with(a_trade()), **{missing: Told(problem=f"nobody knows the {missing}")})

    assert judged(an_exit(), bot=bot) == {"no_data": f"nobody knows the {missing}"}


def test_an_open_trade_without_a_price_is_no_data_and_not_no_loss() -> None:
    assert judged(an_entry(), bot=bot_with(a_trade(profit_abs=None))) == {
        "no_data": "what trade 1 would bring now is not known: no price of BTC/USDT"
    }


def test_a_closed_trade_without_a_result_is_no_data_and_not_no_loss() -> None:
    assert judged(an_entry(), bot=bot_with(a_closed_trade(profit_abs=None))) == {
        "no_data": "the profit of trade 1, which is closed, is not known"
    }


def test_a_limit_that_is_unlimited_needs_no_data() -> None:
    bot = a_bot(trades=Told(Trades([a_trade(profit_abs=None)], [])))

    assert judged(an_entry(), bot=bot, max_loss_per_day="unlimited") == {}


def test_a_person_decides_unless_an_allowance_is_stated() -> None:
    assert asks_person(an_entry())
    assert asks_person(an_exit())
    assert not asks_person(an_entry(), **ALLOWANCE)
    assert not asks_person(an_exit(), exit_approval="allowance")


def test_an_allowance_for_entries_is_none_for_exits_and_the_reverse() -> None:
    assert asks_person(an_exit(), **ALLOWANCE)
    assert asks_person(an_entry(), exit_approval="allowance")


def test_an_allowance_ends_with_the_stake_and_with_the_day() -> None:
    assert asks_person(an_entry(stake=Decimal("50.01")), **ALLOWANCE)
    assert not asks_person(an_entry(), spent=70, **ALLOWANCE)
    assert asks_person(an_entry(), spent=71, **ALLOWANCE)


@pytest.mark.parametrize("intent", [an_entry(tainted=True), an_entry(mode="live"), an_entry(replaces=an_entry().id)])
def test_no_allowance_covers_tainted_live_or_edited_entries(intent: Intent) -> None:
    assert asks_person(intent, **ALLOWANCE)


@pytest.mark.parametrize("intent", [an_exit(tainted=True), an_exit(mode="live"), an_exit(replaces=an_exit().id)])
def test_no_allowance_covers_tainted_live_or_edited_exits(intent: Intent) -> None:
    assert asks_person(intent, exit_approval="allowance")
