"""What the broker makes of Freqtrade's answers, above all of the misleading ones."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from broker.freqtrade import Freqtrade
from broker.readings import Readings
from pilothouse.errors import NotFoundError, TimedOutError, UnavailableError, UpstreamError
from tests.fixtures.broker import StandIn, shown_trade

NOON = datetime(2026, 11, 24, 12, 1, 30, tzinfo=UTC)


async def test_money_is_exact_text(readings: Readings, stand_in: StandIn) -> None:
    stand_in.answers["balance"][1]["currencies"][0]["est_stake"] = 0.1 + 0.2

    balance = await readings.balance()

    assert balance.model_dump(mode="json")["in_trades"] == "0.30000000000000004"
    assert balance.model_dump(mode="json")["free"] == "700"


async def test_no_digit_is_lost_between_freqtrade_and_us(client: Freqtrade, stand_in: StandIn) -> None:
    performance = '[{"pair": "ETH/USDT", "profit_abs": 1.2345678901234567890123, "profit_ratio": 0.1, "count": 3}]'
    stand_in.answers["performance"] = (200, performance)

    pairs = await client.performance()

    assert str(pairs[0].profit_abs) == "1.2345678901234567890123"


async def test_tiny_figures_have_no_exponent(readings: Readings, stand_in: StandIn) -> None:
    stand_in.answers["balance"][1]["currencies"][0]["balance"] = 1e-8

    balance = await readings.balance()

    assert balance.model_dump(mode="json")["assets"][0]["balance"] == "0.00000001"


async def test_a_total_that_leaves_out_what_has_no_price_is_not_complete(readings: Readings, stand_in: StandIn) -> None:
    stand_in.answers["balance"][1]["currencies"][0]["est_stake"] = 0

    balance = await readings.balance()

    assert not balance.complete
    assert "leaves out ETH" in balance.warning


async def test_a_trade_that_closes_between_two_reads_is_shown_once(readings: Readings, stand_in: StandIn) -> None:
    closed = shown_trade(is_open=False, close_date="2026-11-24 08:15:00", close_rate=3020.0, exit_reason="force_exit")
    stand_in.answers["status"] = (200, [shown_trade()])
    stand_in.answers["trades"] = (200, {"trades": [closed], "total_trades": 1})

    shown = await readings.trades(limit=10)

    assert [each.is_open for each in shown.trades] == [False]
    assert shown.total == 1


async def test_a_slow_balance_gives_the_last_known_one_and_says_so(
    client: Freqtrade, stand_in: StandIn, at: dict[str, datetime]
) -> None:
    readings = Readings(client, clock=lambda: at["now"], patience_s=0.2)
    known = await readings.balance()
    stand_in.delays_s["balance"] = 30
    at["now"] += timedelta(seconds=2)

    started = time.monotonic()
    balance = await readings.balance()

    assert time.monotonic() - started < 1
    assert known.complete
    assert not balance.complete
    assert balance.total == known.total
    assert balance.as_of == NOON
    await readings.close()


async def test_a_slow_balance_that_was_never_known_is_a_timeout(readings: Readings, stand_in: StandIn) -> None:
    stand_in.delays_s["balance"] = 30

    with pytest.raises(TimedOutError, match=r"within 0\.2 s"):
        await readings.balance()

    await readings.close()


async def test_impatient_callers_do_not_pile_up_on_a_slow_bot(readings: Readings, stand_in: StandIn) -> None:
    stand_in.delays_s["balance"] = 30

    for _ in range(2):
        with pytest.raises(TimedOutError):
            await readings.balance()

    assert stand_in.asked.count("balance") == 1
    await readings.close()


async def test_an_exchange_that_went_away_makes_figures_doubtful_long_before_freqtrade_says_so(
    client: Freqtrade,
) -> None:
    readings = Readings(client, clock=lambda: NOON + timedelta(minutes=5))

    balance, status, health = await readings.balance(), await readings.status(), await readings.health()

    assert not balance.complete
    assert "candle is 390 s old" in status.warning
    assert health.status == "degraded"


async def test_an_unknown_pair_is_an_error_that_names_the_known_ones(readings: Readings, stand_in: StandIn) -> None:
    stand_in.answers["pair_candles"] = (200, {"columns": [], "data": [], "last_analyzed": "1970-01-01T00:00:00Z"})

    with pytest.raises(NotFoundError) as refusal:
        await readings.candles(pair="NO/USDT", timeframe="1m", limit=10)

    assert "ETH/USDT" in refusal.value.hint


async def test_a_known_pair_without_candles_is_a_matter_of_waiting(readings: Readings, stand_in: StandIn) -> None:
    stand_in.answers["pair_candles"] = (200, {"columns": [], "data": [], "last_analyzed": "1970-01-01T00:00:00Z"})

    with pytest.raises(UnavailableError, match="not looked at ETH/USDT yet"):
        await readings.candles(pair="ETH/USDT", timeframe="1m", limit=10)


async def test_naive_instants_are_utc(readings: Readings, stand_in: StandIn) -> None:
    stand_in.answers["status"] = (200, [shown_trade(open_date="2026-11-24 08:12:45", current_rate=None)])

    status = await readings.status()

    assert status.trades[0].opened_at == datetime(2026, 11, 24, 8, 12, 45, tzinfo=UTC)
    assert status.trades[0].current_rate is None


async def test_trades_are_the_latest_open_ones_first(readings: Readings, stand_in: StandIn) -> None:
    opened = [shown_trade(trade_id=number, open_date=f"2026-11-24 0{number}:00:00") for number in (7, 8)]
    closed = shown_trade(trade_id=6, is_open=False, open_date="2026-11-24 09:00:00")
    stand_in.answers["status"] = (200, opened)
    stand_in.answers["trades"] = (200, {"trades": [closed], "total_trades": 41})

    trades = await readings.trades(limit=3)

    assert [each.trade_id for each in trades.trades] == [8, 7, 6]
    assert trades.total == 43
    assert stand_in.queries["trades"]["order_by_id"] == "false"


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((401, {"detail": "Unauthorized"}), UpstreamError, "refuses the broker's credential"),
        ((502, {"error": "Error querying /api/v1/status: no luck"}), UpstreamError, "no luck"),
        ((502, "<html>"), UpstreamError, "no reason given"),
        ((500, "Internal Server Error"), UnavailableError, "HTTP 500"),
        ((503, {"detail": "Bot is not in the correct state."}), UnavailableError, "HTTP 503"),
        ((200, "<html>Not the bot you are looking for</html>"), UpstreamError, "not what version 2026.9 answers"),
        ((200, {"unexpected": "shape"}), UpstreamError, "not what version 2026.9 answers"),
    ],
)
async def test_each_refusal_is_told_apart_and_never_tried_again(
    client: Freqtrade, stand_in: StandIn, answer: tuple[int, Any], error: type[Exception], words: str
) -> None:
    stand_in.answers["status"] = answer

    with pytest.raises(error, match=words):
        await client.open_trades()

    assert stand_in.asked == ["status"]


async def test_health_answers_within_a_second_when_freqtrade_does_not(readings: Readings, stand_in: StandIn) -> None:
    stand_in.delays_s["show_config"] = 30

    started = time.monotonic()
    health = await readings.health()

    assert time.monotonic() - started < 1
    assert health.status == "down"


async def test_a_stopped_bot_is_not_healthy(readings: Readings, stand_in: StandIn) -> None:
    stand_in.answers["show_config"][1]["state"] = "stopped"

    health = await readings.health()

    assert (health.status, health.reason) == ("degraded", "Freqtrade is stopped")


async def test_profit_is_kept_for_a_few_seconds(
    client: Freqtrade, stand_in: StandIn, at: dict[str, datetime], profit: dict[str, Any]
) -> None:
    stand_in.answers["profit"] = (200, profit)
    readings = Readings(client, clock=lambda: at["now"])

    await readings.profit()
    await readings.profit()
    asked_at_once = stand_in.asked.count("profit")
    at["now"] += timedelta(seconds=4)
    later = await readings.profit()

    assert asked_at_once == 1
    assert stand_in.asked.count("profit") == 2
    assert str(later.open_profit_abs) == "-0.3"
    assert later.first_trade_at is None


@pytest.fixture
def at() -> dict[str, datetime]:
    return {"now": NOON}


@pytest.fixture
def readings(client: Freqtrade) -> Readings:
    return Readings(client, clock=lambda: NOON, patience_s=0.2)


@pytest.fixture
def profit() -> dict[str, Any]:
    numbers = ("profit_closed_ratio", "trade_count", "closed_trade_count", "winning_trades", "losing_trades")
    return {
        **dict.fromkeys((*numbers, "winrate", "max_drawdown"), 0),
        "profit_closed_coin": 1.5,
        "profit_all_coin": 1.2,
        "best_pair": "",
        "first_trade_date": "",
        "latest_trade_date": "",
    }
