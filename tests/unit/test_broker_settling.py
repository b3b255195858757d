"""What the broker reads out of Freqtrade's trades about an intent it sent."""

from datetime import timedelta

from broker.freqtrade import Freqtrade
from broker.settling import trades_since
from pilothouse.clock import now
from tests.fixtures.broker import StandIn, shown_trade


async def test_a_trade_that_closes_between_two_reads_counts_once(client: Freqtrade, stand_in: StandIn) -> None:
    closed = shown_trade(is_open=False, close_date="2026-11-24 08:15:00", close_rate=3020.0, exit_reason="force_exit")
    stand_in.answers["status"] = (200, [shown_trade(), shown_trade(trade_id=2)])
    stand_in.answers["trades"] = (200, {"trades": [closed], "total_trades": 1})

    trades = await trades_since(client, now() - timedelta(days=1))

    assert {each.trade_id: each.is_open for each in trades} == {1: False, 2: True}
    assert len(trades) == 2
