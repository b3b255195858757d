"""What all is worth: null with a reason while it cannot be known, never zero and never less than it is."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from broker.equity import Equity
from broker.freqtrade import Freqtrade
from broker.readings import Readings
from pilothouse.clock import now
from tests.fixtures.broker import StandIn
from tests.fixtures.freqtrade import FreqtradeBot
from tests.fixtures.kept import Tables

NOON = datetime(2026, 11, 24, 12, 1, tzinfo=UTC)


async def test_equity_is_the_bots_balance_to_the_last_digit(
    client: Freqtrade, stand_in: StandIn, tables: Tables
) -> None:
    readings = Readings(client, clock=lambda: NOON)

    await Equity(tables.pool, readings).note()

    assert stand_in.asked.count("balance") == 1
    assert tables.equity() == [
        {"at": NOON, "currency": "USDT", "total": Decimal("1000.1"), "free": Decimal(700), "reason": ""}
    ]


async def test_a_currency_without_a_price_makes_equity_unknown(
    client: Freqtrade, stand_in: StandIn, tables: Tables
) -> None:
    stand_in.answers["balance"][1]["currencies"][0]["est_stake"] = 0
    stand_in.answers["balance"][1]["total"] = 700

    await Equity(tables.pool, Readings(client, clock=lambda: NOON)).note()

    [row] = tables.equity()
    assert (row["total"], row["free"]) == (None, None)
    assert "leaves out ETH" in row["reason"]


async def test_a_bot_that_does_not_answer_makes_equity_unknown(
    client: Freqtrade, stand_in: StandIn, tables: Tables
) -> None:
    await Equity(tables.pool, Readings(client, clock=lambda: NOON)).note()
    stand_in.answers.clear()

    await Equity(tables.pool, Readings(client), clock=lambda: NOON.replace(minute=2)).note()

    known, unknown = tables.equity()
    assert known["total"] == Decimal("1000.1")
    assert (unknown["currency"], unknown["total"], unknown["free"]) == ("USDT", None, None)
    assert "could not answer" in unknown["reason"]


async def test_before_the_bot_ever_answered_not_even_the_currency_is_known(
    client: Freqtrade, stand_in: StandIn, tables: Tables
) -> None:
    stand_in.answers.clear()

    await Equity(tables.pool, Readings(client)).note()

    [row] = tables.equity()
    assert (row["currency"], row["total"]) == (None, None)


@pytest.mark.freqtrade
@pytest.mark.parametrize("mode", ["down", "garbage"])
async def test_while_the_exchange_is_away_equity_is_unknown(
    real_freqtrade: Freqtrade,
    freqtrade_bot: FreqtradeBot,
    exchange_mode: Callable[[str], None],
    tables: Tables,
    mode: str,
) -> None:
    freqtrade_bot.filled_trade()
    readings = Readings(real_freqtrade)
    equity = Equity(tables.pool, readings)
    await equity.note()
    [before] = tables.equity()

    exchange_mode(mode)
    answered = asyncio.create_task(asyncio.to_thread(freqtrade_bot.ask, "balance"))  # or refused, half a minute later
    while not (await asyncio.wait({answered}, timeout=1))[0]:
        await equity.note()
    await equity.note()
    await readings.close()
    minutes_later = Readings(real_freqtrade, clock=lambda: now() + timedelta(minutes=5))
    await Equity(tables.pool, minutes_later).note()
    await minutes_later.close()

    rows = tables.equity()
    assert before["total"] > 900
    assert all(row["total"] is None or abs(row["total"] - before["total"]) < 20 for row in rows)
    assert (rows[-1]["total"], rows[-1]["free"]) == (None, None)
    assert rows[-1]["reason"]
    answered.exception()
