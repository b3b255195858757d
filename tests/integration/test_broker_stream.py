"""The real bot's trades arrive in our tables, told by its WebSocket alone, and nothing is lost when that breaks."""

import pytest

from broker.freqtrade import Freqtrade
from broker.reconcile import Reconciler
from tests.fixtures.freqtrade import FreqtradeBot
from tests.fixtures.kept import KeptBot, Tables, exact

pytestmark = pytest.mark.freqtrade

FIGURES = {
    "stake": "stake_amount",
    "amount": "amount",
    "open_rate": "open_rate",
    "close_rate": "close_rate",
    "realised_profit": "realized_profit",
    "fee_open": "fee_open",
    "fee_close": "fee_close",
}


async def test_the_bots_trades_arrive_with_exact_figures(
    real_freqtrade: Freqtrade, freqtrade_bot: FreqtradeBot, tables: Tables
) -> None:
    ended = freqtrade_bot.filled_trade()
    freqtrade_bot.leave(ended)
    freqtrade_bot.filled_trade()

    shown = {each["trade_id"]: each for each in (*freqtrade_bot.ask("trades")["trades"], *freqtrade_bot.ask("status"))}

    await Reconciler(tables.pool, real_freqtrade).reconcile()

    kept = tables.trades()  # the bot goes on trading meanwhile
    assert kept.keys() >= shown.keys()
    assert (kept[ended]["is_open"], len(shown) > 1) == (False, True)
    for number, trade in shown.items():
        if kept[number]["is_open"] != trade["is_open"]:
            continue
        for ours, theirs in FIGURES.items():
            assert kept[number][ours] == exact(trade[theirs])
        assert kept[number]["opened_at"].timestamp() == trade["open_timestamp"] // 1000
        orders = tables.orders(number)
        assert orders.keys() == {each["order_id"] for each in trade["orders"]}
        for order in trade["orders"]:
            assert orders[order["order_id"]]["filled"] == exact(order["filled"])
            assert orders[order["order_id"]]["average"] == exact(order["safe_price"])


async def test_a_trade_that_ends_is_seen_by_its_event(kept_bot: KeptBot) -> None:
    await kept_bot.connected()
    trade_id = await kept_bot.an_open_trade()

    await kept_bot.leave(trade_id)

    await kept_bot.tables.was_closed(trade_id)
    assert kept_bot.heard.count("connected") == 1
    assert "exit_fill" in kept_bot.heard
    assert kept_bot.tables.trades()[trade_id]["exit_reason"] == "force_exit"


async def test_what_happens_while_the_stream_is_cut_is_not_lost(kept_bot: KeptBot) -> None:
    await kept_bot.connected()
    trade_id = await kept_bot.an_open_trade()

    await kept_bot.line.cut()
    await kept_bot.leave(trade_id)
    await kept_bot.line.mend()

    await kept_bot.tables.was_closed(trade_id)
    assert "exit_fill" not in kept_bot.heard


async def test_a_bot_that_reloads_its_configuration_is_followed_on(kept_bot: KeptBot) -> None:
    await kept_bot.connected()

    kept_bot.bot.ask("reload_config", {})

    await kept_bot.connected(times=2)
    trade_id = await kept_bot.an_open_trade()
    await kept_bot.leave(trade_id)
    await kept_bot.tables.was_closed(trade_id)
