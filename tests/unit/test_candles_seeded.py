"""Invented candles: the same for ever, consistent across timeframes, and of believable size."""

import numpy as np
import pytest

from simulators.exchange.market import INTERVALS, MINUTES_PER_DAY, candles, price_at
from simulators.exchange.seeded import PAIRS, SeededMarket

NOON = 29_925_360  # 2026-11-24 12:00 UTC, in minutes since 1970
AFTERWARDS_S = (NOON + 10_000) * 60.0
YEAR = 365 * MINUTES_PER_DAY


def test_a_minute_has_the_same_candle_however_it_is_asked_for() -> None:
    alone = SeededMarket(7).minutes("BTC/USDT", first=NOON, count=1)

    among_others = SeededMarket(7).minutes("BTC/USDT", first=NOON - 50, count=100)

    for column in ("minute", "open", "high", "low", "close", "volume"):
        assert getattr(alone, column)[0] == getattr(among_others, column)[50]


def test_another_seed_is_another_market() -> None:
    ours, theirs = (SeededMarket(seed).minutes("BTC/USDT", first=NOON, count=100) for seed in (7, 8))

    assert not np.array_equal(ours.close, theirs.close)


def test_pairs_move_independently() -> None:
    bitcoin, ether = (SeededMarket(7).minutes(pair, first=NOON, count=2000) for pair in ("BTC/USDT", "ETH/USDT"))

    correlation = np.corrcoef(np.diff(np.log(bitcoin.close)), np.diff(np.log(ether.close)))[0, 1]

    assert abs(correlation) < 0.1


def test_each_minute_opens_where_the_one_before_closed() -> None:
    rows = SeededMarket(7).minutes("SOL/USDT", first=NOON, count=500)

    assert np.array_equal(rows.open[1:], rows.close[:-1])


@pytest.mark.parametrize("pair", PAIRS)
def test_extremes_enclose_open_and_close(pair: str) -> None:
    rows = SeededMarket(7).minutes(pair, first=NOON, count=2000)

    assert (rows.high >= np.maximum(rows.open, rows.close)).all()
    assert (rows.low <= np.minimum(rows.open, rows.close)).all()
    assert (rows.low > 0).all()
    assert (rows.volume > 0).all()


@pytest.mark.parametrize("minutes", INTERVALS.values())
def test_every_timeframe_adds_up_from_its_minutes(minutes: int) -> None:
    market, first = SeededMarket(7), NOON // minutes * minutes
    parts = market.minutes("ETH/USDT", first=first, count=minutes)

    whole = candles(market, "ETH/USDT", interval=minutes, first=first, count=1, now_s=AFTERWARDS_S)

    assert whole.minute.tolist() == [first]
    assert whole.open[0] == parts.open[0]
    assert whole.high[0] == parts.high.max()
    assert whole.low[0] == parts.low.min()
    assert whole.close[0] == parts.close[-1]
    assert whole.volume[0] == pytest.approx(parts.volume.sum())


def test_the_price_walks_from_open_over_both_extremes_to_close() -> None:
    market = SeededMarket(7)
    whole = market.minutes("BTC/USDT", first=NOON, count=1)

    walked = [price_at(market, "BTC/USDT", now_s=NOON * 60 + second) for second in np.arange(0, 60, 0.5)]

    assert walked[0] == whole.open[0]
    assert max(walked) == whole.high[0]
    assert min(walked) == whole.low[0]
    assert walked[-1] == pytest.approx(whole.close[0], rel=1e-4)


def test_the_running_candle_never_shows_what_is_yet_to_come() -> None:
    market, twenty_past = SeededMarket(7), (NOON + 20) * 60 + 30

    hour = candles(market, "BTC/USDT", interval=60, first=NOON, count=3, now_s=twenty_past)

    seen = market.minutes("BTC/USDT", first=NOON, count=21)
    assert hour.minute.tolist() == [NOON]
    assert hour.close[0] == price_at(market, "BTC/USDT", now_s=twenty_past)
    assert hour.high[0] <= seen.high.max()
    assert hour.volume[0] < seen.volume.sum()


def test_nothing_is_known_of_the_future() -> None:
    rows = candles(SeededMarket(7), "BTC/USDT", interval=5, first=NOON, count=3, now_s=(NOON - 1) * 60)

    assert rows.minute.tolist() == []


def test_a_year_of_bitcoin_is_believable() -> None:
    year = SeededMarket(7).minutes("BTC/USDT", first=NOON - YEAR, count=YEAR)

    a_minute = np.diff(np.log(year.close)).std()
    a_day = np.diff(np.log(year.close[::MINUTES_PER_DAY])).std()
    assert 0.0003 < a_minute < 0.002
    assert 0.01 < a_day < 0.08
    assert 10_000 < year.low.min() < year.high.max() < 400_000
