"""Trading: the bot's figures, read over HTTP from the broker. Free text that strategies write is left out."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, Field

from tools.broker_client import Trades, TradingClient
from tools.registry import Call, Tool

__all__ = ["TradingClient", "trading_tools"]

MAX_CANDLES = 200
MAX_TRADES = 50
RECENT_CANDLES = 10
EXIT_REASONS = {  # Freqtrade's own; anything else is a strategy's free text
    *("roi", "stop_loss", "trailing_stop_loss", "stoploss_on_exchange", "liquidation", "exit_signal"),
    *("force_exit", "emergency_exit", "partial_exit"),
}


class NoArguments(BaseModel):
    """Takes nothing."""


class ListTradesArguments(BaseModel):
    """What `freqtrade_list_trades` takes."""

    limit: int = Field(default=20, ge=1, description=f"How many of the latest; at most {MAX_TRADES} are given")


class GetCandlesArguments(BaseModel):
    """What `freqtrade_get_candles` takes."""

    pair: str = Field(min_length=3, max_length=30, description="One of the bot's pairs, such as BTC/USDT")
    timeframe: str | None = Field(default=None, min_length=2, max_length=5, description="The bot's own, if left out")
    limit: int = Field(default=50, ge=1, description=f"How many of the latest; at most {MAX_CANDLES} are looked at")


def trading_tools(client: TradingClient) -> list[Tool]:
    """Everything the agent may read of trading; nothing here moves money."""
    return [
        _tool("freqtrade_get_status", "List the trading bot's open trades with their current profit.", client.status),
        _tool(
            "freqtrade_get_balance",
            "What the trading bot owns: total, free, in trades. When complete is false, say that the total is not.",
            client.balance,
        ),
        _tool("freqtrade_get_profit", "The trading bot's profit and record since its first trade.", client.profit),
        _reading(
            "freqtrade_list_trades",
            "List the trading bot's latest trades, open ones first, then closed ones.",
            ListTradesArguments,
            lambda arguments: _list_trades(client, arguments),
        ),
        _reading(
            "freqtrade_get_candles",
            "Summarise the latest price candles of one of the bot's pairs, with the last few in full.",
            GetCandlesArguments,
            lambda arguments: _get_candles(client, arguments),
        ),
    ]


def _tool(name: str, description: str, read: Callable[[], Awaitable[BaseModel]]) -> Tool:
    async def run(_: NoArguments) -> Any:
        return (await read()).model_dump(mode="json")

    return _reading(name, description, NoArguments, run)


def _reading(name: str, description: str, arguments: type[BaseModel], read: Callable[[Any], Awaitable[Any]]) -> Tool:
    async def run(_: Call, arguments: Any) -> Any:
        return await read(arguments)

    return Tool(name=name, description=description, arguments=arguments, run=run, risk="reads")


async def _list_trades(client: TradingClient, arguments: ListTradesArguments) -> Any:
    found = await client.trades(limit=min(arguments.limit, MAX_TRADES))
    trades = [each.model_copy(update={"exit_reason": known_reason(each.exit_reason)}) for each in found.trades]
    return Trades(trades=trades, total=found.total).model_dump(mode="json")


async def _get_candles(client: TradingClient, arguments: GetCandlesArguments) -> Any:
    limit = min(arguments.limit, MAX_CANDLES)
    found = await client.candles(pair=arguments.pair, timeframe=arguments.timeframe, limit=limit)
    first, last = found.candles[0], found.candles[-1]
    return {
        "pair": found.pair,
        "timeframe": found.timeframe,
        "prices": found.prices,
        "count": len(found.candles),
        "from": first.opened_at.isoformat(),
        "to": last.opened_at.isoformat(),
        "first_open": str(first.open),
        "last_close": str(last.close),
        "change_percent": f"{100 * (last.close - first.open) / first.open:.2f}",
        "high": str(max(each.high for each in found.candles)),
        "low": str(min(each.low for each in found.candles)),
        "volume": str(sum((each.volume for each in found.candles), Decimal(0))),
        "recent": [each.model_dump(mode="json") for each in found.candles[-RECENT_CANDLES:]],
    }


def known_reason(reason: str | None) -> str | None:
    """One of Freqtrade's own reasons to leave a trade; `other` stands for a strategy's free text."""
    return reason if reason is None or reason in EXIT_REASONS else "other"
