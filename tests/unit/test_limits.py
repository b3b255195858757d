"""Each limit on entries: what is within it goes, what is beyond it does not."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from broker.answers import PairLock
from broker.bot_side import Funds, Told
from broker.intents import Intent, State
from tests.fixtures.limits import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    a_bot,
    a_closed_trade,
    a_config,
    a_kept_trade,
    a_trade,
    an_entry,
    an_exit,
    bot_with,
    judged,
    our_books,
)

SECOND = timedelta(seconds=1)


def test_an_entry_within_every_limit_is_not_refused() -> None:
    assert judged(an_entry()) == {}


def test_every_reason_is_named_and_not_only_the_first() -> None:
    found = judged(an_entry(pair="DOGE/USDT", stake=Decimal(600)), books=our_books(halted="a test"))

    assert found.keys() == {"halted", "allowed_pairs", "max_stake", "max_exposure", "max_exposure_share"}


def test_nothing_is_entered_while_halted() -> None:
    assert judged(an_entry(), books=our_books(halted="the audit chain is broken")) == {
        "halted": "halted: the audit chain is broken"
    }


@pytest.mark.parametrize(
    ("intent", "bot", "policy"),
    [("dry", "live", "dry"), ("dry", "dry", "live"), ("live", "dry", "dry"), ("dry", "live", "live")],
)
def test_intent_policy_and_bot_must_agree_on_the_mode(intent: str, bot: str, policy: str) -> None:
    asked: dict[str, Any] = {"bot": a_bot(config=a_config(dry_run=bot == "dry")), "mode": policy}

    assert judged(an_entry(mode=intent), **asked).keys() == {"mode"}
    assert "mode" in judged(an_exit(mode=intent), **asked)


@pytest.mark.parametrize("state", ["paused", "stopped"])
def test_nothing_is_entered_unless_the_bot_runs(state: str) -> None:
    assert judged(an_entry(), bot=a_bot(config=a_config(state=state))) == {"bot_state": f"Freqtrade is {state}"}


def test_a_pair_must_be_named_by_the_policy() -> None:
    assert judged(an_entry(), allowed_pairs=["ETH/USDT"]) == {}
    assert judged(an_entry(), allowed_pairs=["BTC/USDT"]) == {"allowed_pairs": "ETH/USDT is not one of allowed_pairs"}


def test_every_pair_means_every_pair_of_the_bot() -> None:
    assert judged(an_entry(), allowed_pairs=["*"]) == {}
    assert judged(an_entry(pair="DOGE/USDT"), allowed_pairs=["*"]) == {
        "allowed_pairs": "the bot does not trade DOGE/USDT"
    }


def test_a_pair_in_another_currency_than_the_stake_is_refused() -> None:
    bot = a_bot(pairs=Told(["ETH/BTC"]))

    assert judged(an_entry(pair="ETH/BTC"), bot=bot, allowed_pairs=["*"]) == {
        "allowed_pairs": "ETH/BTC is not paid in USDT"
    }


@pytest.mark.parametrize("locked", ["ETH/USDT", "*"])
def test_freqtrades_own_locks_hold(locked: str) -> None:
    lock = PairLock(pair=locked, active=True, side="long", lock_end_time=NOON + MINUTE)
    over, elsewhere = (lock.model_copy(update=each) for each in ({"lock_end_time": NOON}, {"pair": "BTC/USDT"}))

    assert judged(an_entry(), bot=a_bot(locks=Told([lock]))).keys() == {"pair_locked"}
    assert judged(an_entry(), bot=a_bot(locks=Told([over, elsewhere]))) == {}


def test_a_pair_with_an_open_trade_is_taken_in_whichever_book_it_is_open() -> None:
    assert judged(an_entry(), bot=bot_with(a_trade(pair="ETH/USDT"))).keys() == {"pair_taken"}
    assert judged(an_entry(), books=our_books(trades=[a_kept_trade(pair="ETH/USDT")])).keys() == {"pair_taken"}


@pytest.mark.parametrize("state", ["awaiting_approval", "approved", "submitting", "submitted", "filled"])
def test_a_pair_with_an_entry_under_way_is_taken(state: State) -> None:
    assert judged(an_entry(), books=our_books(under_way=[an_entry(state=state)])).keys() == {"pair_taken"}
    assert judged(an_entry(), books=our_books(under_way=[an_entry(state=state, pair="BTC/USDT")])) == {}


@pytest.mark.parametrize("unknown", [an_entry(state="unknown"), an_exit(state="unknown", pair="ETH/USDT")])
def test_what_is_unknown_blocks_its_pair(unknown: Intent) -> None:
    found = judged(an_entry(), books=our_books(under_way=[unknown]), max_unknown=1)

    assert found == {"pair_taken": f"the fate of intent {unknown.id} in ETH/USDT is unknown: a person must resolve it"}


def test_too_many_unknown_intents_stop_every_entry() -> None:
    books = our_books(under_way=[an_entry(state="unknown", pair="BTC/USDT")])

    assert judged(an_entry(), books=books, max_unknown=1) == {}
    assert judged(an_entry(), books=books, max_unknown=0).keys() == {"max_unknown"}


def test_a_stake_has_a_least_and_a_most() -> None:
    assert judged(an_entry(stake=Decimal(10))) == {}
    assert judged(an_entry(stake=Decimal("9.999999999999"))) == {"min_stake": "a stake of 9.999999999999 is below 10"}
    assert judged(an_entry(stake=Decimal(100))) == {}
    assert judged(an_entry(stake=Decimal("100.000000000001"))) == {
        "max_stake": "a stake of 100.000000000001 is above the limit of 100"
    }


def test_all_stakes_together_have_a_most() -> None:
    assert judged(an_entry(), bot=bot_with(a_trade(stake_amount=Decimal(250)))) == {}
    assert judged(an_entry(), bot=bot_with(a_trade(stake_amount=Decimal("250.01")))) == {
        "max_exposure": "an exposure of 300.01 is above the limit of 300"
    }


def test_the_same_trade_in_both_books_counts_once_at_the_higher_stake() -> None:
    both: dict[str, Any] = {
        "bot": bot_with(a_trade(stake_amount=Decimal(40))),
        "books": our_books(trades=[a_kept_trade()]),
    }

    assert judged(an_entry(), **both, max_exposure="100") == {}
    assert judged(an_entry(stake=Decimal("50.01")), **both, max_exposure="100").keys() == {"max_exposure"}


def test_a_trade_only_our_books_have_open_counts_until_freqtrade_says_it_is_closed() -> None:
    books = our_books(trades=[a_kept_trade(stake=Decimal(260))])

    assert judged(an_entry(), books=books).keys() == {"max_exposure"}
    assert judged(an_entry(), books=books, bot=bot_with(a_closed_trade())) == {}


@pytest.mark.parametrize("state", ["awaiting_approval", "approved", "submitting", "submitted", "unknown", "filled"])
def test_what_is_under_way_counts_as_exposure(state: State) -> None:
    waiting = an_entry(state=state, pair="BTC/USDT", stake=Decimal(260))

    assert "max_exposure" in judged(an_entry(), books=our_books(under_way=[waiting]))


def test_an_intent_whose_trade_is_seen_counts_once() -> None:
    sent = an_entry(state="submitted", pair="BTC/USDT", stake=Decimal(200))
    bot = bot_with(a_trade(stake_amount=Decimal(200), enter_tag=sent.tag))

    assert judged(an_entry(), bot=bot, books=our_books(under_way=[sent])) == {}


def test_exposure_has_a_most_as_a_share_of_the_balance() -> None:
    asked: dict[str, Any] = {"bot": a_bot(funds=Told(Funds(Decimal(200), Decimal(200)))), "max_exposure_share": "0.25"}

    assert judged(an_entry(), **asked) == {}
    assert judged(an_entry(stake=Decimal("50.01")), **asked) == {
        "max_exposure_share": "an exposure of 50.01 is above the limit of 50"
    }


def test_open_trades_have_a_most_in_the_policy_and_in_the_bot() -> None:
    two: dict[str, Any] = {
        "bot": bot_with(a_trade(stake_amount=Decimal(10))),
        "books": our_books(under_way=[an_entry(state="approved", pair="SOL/USDT", stake=Decimal(10))]),
    }
    full: dict[str, Any] = {**two, "bot": bot_with(a_trade(), config=a_config(max_open_trades=2))}

    assert judged(an_entry(), **two, max_open_trades=3) == {}
    assert judged(an_entry(), **two, max_open_trades=2) == {
        "max_open_trades": "a total of 3 open trades is above the limit of 2"
    }
    assert judged(an_entry(), **full, max_open_trades="unlimited") == {
        "max_open_trades": "a total of 3 open trades is above the limit of 2"
    }


def test_a_bot_without_a_most_of_its_own_leaves_it_to_the_policy() -> None:
    bot = a_bot(config=a_config(max_open_trades=-1))

    assert judged(an_entry(), bot=bot, max_open_trades="unlimited") == {}
    assert judged(an_entry(), bot=bot, max_open_trades=0) == {
        "max_open_trades": "a total of 1 open trades is above the limit of 0"
    }


def test_something_must_stay_free() -> None:
    asked: dict[str, Any] = {"bot": a_bot(funds=Told(Funds(Decimal(1000), Decimal(150))))}

    assert judged(an_entry(), **asked) == {}
    assert judged(an_entry(stake=Decimal("50.5")), **asked) == {
        "min_free_balance": "99.5 would stay free, the limit is 100"
    }


def test_what_is_under_way_is_not_free_any_more() -> None:
    books = our_books(under_way=[an_entry(state="approved", pair="BTC/USDT")])
    bot = a_bot(funds=Told(Funds(Decimal(1000), Decimal(199))))

    assert judged(an_entry(), bot=bot, books=books) == {"min_free_balance": "99 would stay free, the limit is 100"}


def test_a_balance_older_than_a_trade_does_not_count_its_stake_as_free() -> None:
    bot = bot_with(a_trade(stake_amount=Decimal(60)), funds=Told(Funds(Decimal(200), Decimal(200))))

    assert judged(an_entry(), bot=bot, max_exposure_share="unlimited") == {
        "min_free_balance": "90 would stay free, the limit is 100"
    }


@pytest.mark.parametrize(("key", "span"), [("max_orders_per_hour", HOUR), ("max_orders_per_day", DAY)])
def test_entries_have_a_most_within_a_time(key: str, span: timedelta) -> None:
    def after(ago: timedelta) -> dict[str, str]:
        bot = bot_with(a_trade(), a_closed_trade(trade_id=2, open_date=NOON - ago, profit_abs=1))
        waiting = an_entry(state="approved", pair="SOL/USDT")
        return judged(an_entry(), bot=bot, books=our_books(under_way=[waiting]), **{"max_orders_per_hour": 2, key: 2})

    assert after(span - SECOND)[key].startswith("a total of 3 entries within ")
    assert key not in after(span)


@pytest.mark.parametrize("state", ["filled", "failed"])
def test_an_order_counts_although_no_trade_came_of_it(state: State) -> None:
    ended = an_entry(state=state, pair="BTC/USDT", stake=Decimal(10), submitted_at=NOON - MINUTE)

    assert "max_orders_per_hour" in judged(an_entry(), books=our_books(under_way=[ended]), max_orders_per_hour=1)


def test_an_entry_in_both_books_is_one_order() -> None:
    both: dict[str, Any] = {
        "bot": bot_with(a_trade(open_date=NOON - MINUTE)),
        "books": our_books(trades=[a_kept_trade(opened_at=NOON - MINUTE)]),
    }

    assert judged(an_entry(), **both, max_orders_per_hour=2) == {}


@pytest.mark.parametrize(
    "trades",
    [
        [a_closed_trade(profit_abs=-50)],
        [a_trade(profit_abs=-50)],
        [a_trade(profit_abs=Decimal("-20.5"), realized_profit=Decimal("-29.5"))],
        [a_trade(profit_abs=-50, realized_profit=100)],
        [a_closed_trade(profit_abs=-70), a_closed_trade(trade_id=2, profit_abs=20)],
    ],
)
def test_a_day_may_cost_so_much_and_no_more(trades: list[Any]) -> None:
    found = judged(an_entry(), bot=bot_with(*trades))

    assert found == {"max_loss_per_day": "today's result is -50, the limit a loss of 50"}
    assert judged(an_entry(), bot=bot_with(*trades), max_loss_per_day="50.01") == {}


def test_yesterdays_loss_is_not_todays() -> None:
    assert judged(an_entry(), bot=bot_with(a_closed_trade(profit_abs=-60, close_date=NOON - 13 * HOUR))) == {}


def test_the_days_loss_is_that_of_the_book_that_looks_worse() -> None:
    lost = a_kept_trade(is_open=False, closed_at=NOON - HOUR, realised_profit=Decimal(-50))

    assert judged(an_entry(), books=our_books(trades=[lost])).keys() == {"max_loss_per_day"}
    assert judged(an_entry(), books=our_books(trades=[lost]), bot=bot_with(a_closed_trade(profit_abs=9))).keys() == {
        "max_loss_per_day"
    }


@pytest.mark.parametrize("book", ["freqtrade", "ours"])
def test_entries_rest_after_a_loss(book: str) -> None:
    def after(ago: timedelta) -> dict[str, str]:
        theirs = a_closed_trade(profit_abs=Decimal("-0.01"), close_date=NOON - ago)
        ours = a_kept_trade(is_open=False, closed_at=NOON - ago, realised_profit=Decimal("-0.01"))
        told: dict[str, Any] = {"bot": bot_with(theirs)} if book == "freqtrade" else {"books": our_books(trades=[ours])}
        return judged(an_entry(), **told, cooldown_after_loss_s=60)

    assert after(59 * SECOND) == {
        "cooldown_after_loss": "a trade was closed at a loss at 12:00:31 UTC; entries rest until 12:01:31"
    }
    assert after(60 * SECOND) == {}


def test_entries_do_not_rest_after_a_gain() -> None:
    assert judged(an_entry(), bot=bot_with(a_closed_trade(profit_abs=1, close_date=NOON - SECOND))) == {}


@pytest.mark.parametrize(("price", "goes"), [("2970", True), ("3030", True), ("2969.99", False), ("3030.01", False)])
def test_the_price_may_drift_so_far(price: str, *, goes: bool) -> None:
    found = judged(an_entry(), bot=a_bot(price=Told(Decimal(price))))

    assert found.keys() == (set() if goes else {"max_price_drift"})


@pytest.mark.parametrize(
    ("hours", "zone", "goes"),
    [
        (["12:00-13:00"], "UTC", False),
        (["12:02-13:00"], "UTC", True),
        (["11:00-12:01"], "UTC", True),
        (["22:00-12:30"], "UTC", False),
        (["13:00-12:00"], "UTC", True),
        (["13:00-13:30"], "Europe/Berlin", False),
        (["12:00-13:00"], "Europe/Berlin", True),
        (["02:00-03:00", "12:00-12:30"], "UTC", False),
    ],
)
def test_quiet_hours_are_quiet(hours: list[str], zone: str, *, goes: bool) -> None:
    found = judged(an_entry(), quiet_hours=hours, quiet_hours_zone=zone)

    assert found.keys() == (set() if goes else {"quiet_hours"})


def test_an_intent_lives_no_longer_than_the_policy_says() -> None:
    assert judged(an_entry(expires_at=NOON + 900 * SECOND)) == {}
    assert judged(an_entry(expires_at=NOON + 901 * SECOND)) == {"intent_lifetime": "it would live 901 s"}


def test_an_intent_that_expired_goes_nowhere() -> None:
    late = an_entry(created_at=NOON - 10 * MINUTE, expires_at=NOON)

    assert judged(late) == {"expired": "it expired at 12:01:30 UTC"}


def test_unlimited_is_without_limit() -> None:
    maxima = ("max_stake", "max_exposure", "max_exposure_share", "max_open_trades", "max_loss_per_day")
    asked: dict[str, Any] = dict.fromkeys((*maxima, "max_orders_per_hour", "max_orders_per_day"), "unlimited")
    bot = bot_with(a_trade(stake_amount=Decimal(900), profit_abs=-400), funds=Told(Funds(Decimal(2000), Decimal(1000))))

    assert judged(an_entry(stake=Decimal(800)), bot=bot, **asked) == {}
