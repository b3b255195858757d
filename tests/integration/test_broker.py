"""The broker on the real bot with a real open trade: right figures, known callers only, honest through outages."""

import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from broker.freqtrade import Freqtrade
from broker.readings import Readings
from pilothouse.clock import now
from pilothouse.db import connect
from pilothouse.errors import NotFoundError
from tests.fixtures.broker import Broker, until
from tests.fixtures.calls import CALL
from tests.fixtures.freqtrade import FreqtradeBot
from tools.trading import TradingClient, trading_tools

pytestmark = pytest.mark.freqtrade

ROUTES = ("/status", "/balance", "/profit", "/trades", "/performance", "/candles?pair=BTC/USDT")


async def test_status_shows_the_real_open_trade(broker: Broker, freqtrade_bot: FreqtradeBot) -> None:
    status, answer = await broker.get("/status")

    real = {each["trade_id"]: each for each in freqtrade_bot.ask("status")}
    trade = answer["trades"][0]
    assert status == 200
    assert answer["prices"] == "simulated"
    assert answer["warning"] == ""
    assert Decimal(trade["stake_amount"]) == Decimal(str(real[trade["trade_id"]]["stake_amount"]))
    assert trade["opened_at"].endswith("Z")
    assert trade["enter_tag"] == "last_minute_rose"


async def test_the_balance_adds_up(broker: Broker) -> None:
    async def adds_up() -> bool:  # not while a trade is being opened
        _, balance = await broker.get("/balance")
        rest = Decimal(balance["total"]) - Decimal(balance["free"]) - Decimal(balance["in_trades"])
        return abs(rest) < Decimal("0.0001")

    await until(adds_up)
    status, balance = await broker.get("/balance")

    assert status == 200
    assert balance["complete"]
    assert balance["dry_run"]
    assert Decimal(900) < Decimal(balance["total"]) < Decimal(1100)


async def test_a_closed_trade_is_in_trades_profit_and_performance(broker: Broker, freqtrade_bot: FreqtradeBot) -> None:
    trade = next(each for each in freqtrade_bot.ask("status") if not each["has_open_orders"])
    freqtrade_bot.ask("forceexit", {"tradeid": str(trade["trade_id"]), "ordertype": "market"})
    freqtrade_bot.wait_for(
        "trades", lambda answer: trade["trade_id"] in [each["trade_id"] for each in answer["trades"]]
    )

    _, trades = await broker.get("/trades")
    _, performance = await broker.get("/performance")

    async def profit_counts_it() -> bool:
        return (await broker.get("/profit"))[1]["closed_trade_count"] > 0

    await until(profit_counts_it)
    closed = next(each for each in trades["trades"] if each["trade_id"] == trade["trade_id"])
    assert (closed["is_open"], closed["exit_reason"]) == (False, "force_exit")
    assert closed["closed_at"] > closed["opened_at"]
    assert trades["total"] == len(trades["trades"])
    assert trade["pair"] in [each["pair"] for each in performance["pairs"]]


async def test_no_more_trades_than_asked_for(broker: Broker) -> None:
    _, answer = await broker.get("/trades?limit=1")

    assert len(answer["trades"]) == 1


async def test_candles_are_the_latest_oldest_first(broker: Broker) -> None:
    status, answer = await broker.get("/candles?pair=BTC/USDT&timeframe=1m&limit=5")

    opened_at = [each["opened_at"] for each in answer["candles"]]
    assert status == 200
    assert opened_at == sorted(opened_at)
    assert len(opened_at) == 5
    assert Decimal(answer["candles"][-1]["low"]) <= Decimal(answer["candles"][-1]["high"])


@pytest.mark.parametrize(
    ("query", "hint"), [("pair=NO/USDT", "BTC/USDT, ETH/USDT"), ("pair=BTC/USDT&timeframe=5m", "timeframe is 1m")]
)
async def test_unknown_candles_are_not_found(broker: Broker, query: str, hint: str) -> None:
    status, answer = await broker.get(f"/candles?{query}")

    assert status == 404
    assert answer["error"]["code"] == "not_found"
    assert hint in answer["error"]["hint"]


@pytest.mark.parametrize("path", ["/trades?limit=0", "/trades?limit=many", "/candles", "/candles?pair=B&limit=9999"])
async def test_unusable_queries_are_refused_in_our_shape(broker: Broker, path: str) -> None:
    status, answer = await broker.get(path)

    assert (status, answer["error"]["code"]) == (422, "bad_input")


@pytest.mark.parametrize("path", ROUTES)
async def test_without_a_known_key_nothing_is_told(broker: Broker, path: str) -> None:
    status, answer = await broker.get(path, key="ph_unknown")

    assert (status, answer["error"]["code"]) == (401, "unauthorized")


async def test_health_says_what_kind_of_bot_this_is(broker: Broker) -> None:
    status, health = await broker.get("/health", key="none needed")

    assert (status, health["status"]) == (200, "ok")
    assert health["freqtrade"]["state"] == "running"
    assert health["freqtrade"]["dry_run"] is True


async def test_the_readers_views_come_by_themselves(broker: Broker, freqtrade_bot: FreqtradeBot) -> None:
    async def views_are_there() -> bool:
        with connect(freqtrade_bot.database_urls.admin) as connection:
            row = connection.execute("SELECT to_regclass('reporting.orders') IS NOT NULL AS there").fetchone()
        return row == {"there": True}

    await until(views_are_there)

    with connect(freqtrade_bot.database_urls.reader) as connection:
        trade = connection.execute("SELECT * FROM reporting.trades ORDER BY id").fetchone()
        order = connection.execute("SELECT * FROM reporting.orders ORDER BY id").fetchone()
    _, answer = await broker.get("/trades")
    first = min(answer["trades"], key=lambda each: each["trade_id"])
    assert trade is not None
    assert order is not None
    assert trade["stake_amount"] == Decimal(first["stake_amount"])
    assert abs(trade["opened_at"] - now()) < timedelta(minutes=10)
    assert (order["side"], order["status"]) == ("buy", "closed")


async def test_the_tools_give_a_model_the_same_figures(trading: TradingClient) -> None:
    tools = {tool.name: tool for tool in trading_tools(trading)}

    answers: dict[str, Any] = {
        name: await tools[f"freqtrade_{name}"].run(CALL, tools[f"freqtrade_{name}"].arguments())
        for name in ("get_status", "get_balance", "get_profit", "list_trades")
    }

    assert {(tool.risk, tool.taints) for tool in tools.values()} == {("reads", False)}
    assert answers["get_balance"]["currency"] == "USDT"
    assert answers["get_profit"]["trade_count"] >= 1
    assert answers["list_trades"]["trades"]
    assert "last_minute_rose" not in str(answers)


async def test_a_model_gets_a_summary_of_candles_not_a_flood(trading: TradingClient) -> None:
    tool = next(tool for tool in trading_tools(trading) if tool.name == "freqtrade_get_candles")

    answer = await tool.run(CALL, tool.arguments.model_validate({"pair": "ETH/USDT", "limit": 5000}))

    assert answer["count"] == 200
    assert len(answer["recent"]) == 10
    assert Decimal(answer["low"]) <= Decimal(answer["last_close"]) <= Decimal(answer["high"])
    assert len(str(answer)) < 3000


async def test_a_tool_passes_on_what_the_broker_says_is_wrong(trading: TradingClient) -> None:
    tool = next(tool for tool in trading_tools(trading) if tool.name == "freqtrade_get_candles")

    with pytest.raises(NotFoundError, match="does not trade 'NO/USDT'") as refusal:
        await tool.run(CALL, tool.arguments.model_validate({"pair": "NO/USDT"}))

    assert "BTC/USDT" in refusal.value.hint


@pytest.mark.parametrize("mode", ["down", "slow", "ratelimit", "garbage"])
async def test_a_failing_exchange_keeps_nobody_waiting(
    broker: Broker, exchange_mode: Callable[[str], None], mode: str
) -> None:
    exchange_mode(mode)

    for route in ROUTES:
        started = time.monotonic()
        status, _ = await broker.get(route)
        assert status in (200, 503, 504)
        assert time.monotonic() - started < 6


async def test_when_the_market_is_no_longer_followed_figures_are_marked(real_freqtrade: Freqtrade) -> None:
    readings = Readings(real_freqtrade, clock=lambda: now() + timedelta(minutes=5))

    balance, status, health = await readings.balance(), await readings.status(), await readings.health()

    assert not balance.complete
    assert "its exchange may be down" in status.warning
    assert health.status == "degraded"
    await readings.close()


async def test_a_killed_freqtrade_is_said_so_and_comes_back(broker: Broker, freqtrade_bot: FreqtradeBot) -> None:
    freqtrade_bot.kill()
    down, answer = await broker.get("/status")
    health_status, health = await broker.get("/health")

    freqtrade_bot.start()

    async def healthy() -> bool:
        return (await broker.get("/health"))[0] == 200

    await until(healthy)
    back, _ = await broker.get("/status")
    assert (down, answer["error"]["code"]) == (503, "unavailable")
    assert "restarts by itself" in answer["error"]["hint"]
    assert (health_status, health["status"]) == (503, "down")
    assert back == 200
