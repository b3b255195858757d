"""The reader's views wait for Freqtrade's tables, however late they come."""

import asyncio

import pytest

from broker.freqtrade import Freqtrade
from broker.reporting import make_views
from pilothouse.db import connect, make_pool
from tests.fixtures.broker import StandIn, until
from tests.fixtures.postgres import DatabaseUrls

TABLES = """
    CREATE TABLE trading.trades (
        id integer, pair text, is_open boolean, is_short boolean, enter_tag text, exit_reason text, strategy text,
        amount float8, stake_amount float8, open_rate float8, close_rate float8, close_profit float8,
        close_profit_abs float8, open_date timestamp, close_date timestamp
    );
    CREATE TABLE trading.orders (
        id integer, ft_trade_id integer, ft_pair text, ft_order_side text, order_type text, status text,
        price float8, average float8, filled float8, cost float8, order_date timestamp, order_filled_date timestamp
    );
"""


async def test_views_wait_for_freqtrade_and_its_tables(
    client: Freqtrade, stand_in: StandIn, database_urls: DatabaseUrls
) -> None:
    shown = stand_in.answers.pop("show_config")

    async with make_pool(database_urls.broker, size=1) as pool:
        making = asyncio.create_task(make_views(pool, client, pause_s=0.05))
        await until(lambda: stand_in.was_asked(2))
        stand_in.answers["show_config"] = shown
        await until(lambda: stand_in.was_asked(5))
        waited = not making.done()
        with connect(database_urls.freqtrade) as connection:
            connection.execute(TABLES)
        await asyncio.wait_for(making, 10)

    with connect(database_urls.reader) as connection:
        assert connection.execute("SELECT * FROM reporting.trades").fetchall() == []
        assert connection.execute("SELECT * FROM reporting.orders").fetchall() == []
    assert waited


async def test_views_outlast_a_database_that_is_away(client: Freqtrade, stand_in: StandIn) -> None:
    nowhere = make_pool("postgresql://pilothouse_broker@127.0.0.1:1/pilothouse?connect_timeout=1", size=1)

    async with nowhere as pool:
        making = asyncio.create_task(make_views(pool, client, pause_s=0.05, patience_s=0.05))
        await until(lambda: stand_in.was_asked(3))
        going_on = not making.done()
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making

    assert going_on
