"""What a running broker does by itself: it keeps Freqtrade's trades and money, and looks at its own audit log."""

from decimal import Decimal
from typing import Any

import pytest

from pilothouse.db import connect
from tests.fixtures.broker import Broker, until
from tests.fixtures.freqtrade import FreqtradeBot

pytestmark = pytest.mark.freqtrade


async def test_the_audit_log_of_a_running_broker_is_whole(broker: Broker) -> None:
    _, found = await broker.get("/audit/verify")

    assert found["whole"], found
    assert found["records"] > 0


async def test_the_bots_trades_are_kept_with_exact_figures(broker: Broker, freqtrade_bot: FreqtradeBot) -> None:
    async def kept() -> bool:
        _, shown = await broker.get("/status")
        stakes = {row["trade_id"]: row["stake"] for row in rows(freqtrade_bot, "SELECT * FROM broker.trades")}
        equity = rows(freqtrade_bot, "SELECT total, reason FROM broker.equity")
        assert all(each["total"] or each["reason"] for each in equity)  # known, or why not; never zero
        shows = {each["trade_id"]: Decimal(each["stake_amount"]) for each in shown["trades"]}
        return bool(equity) and shows.items() <= stakes.items()

    await until(kept)


def rows(bot: FreqtradeBot, query: Any) -> list[dict[str, Any]]:
    """What the database says."""
    with connect(bot.database_urls.admin) as connection:
        return connection.execute(query).fetchall()
