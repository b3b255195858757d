"""The twin as ccxt itself understands it: the library Freqtrade talks to exchanges with, on all five routes."""

import json
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.exchange_twin import PAIRS, ExchangeTwin

pytestmark = pytest.mark.freqtrade

SCRIPT = """
import ccxt, json, sys
url, pair = sys.argv[1:]
urls, options = {"api": {"public": url + "/api/v3"}}, {"fetchMarkets": {"types": ["spot"]}}
exchange = ccxt.binance({"urls": urls, "options": options})
markets = exchange.load_markets()
print(json.dumps({
    "pairs": sorted(markets),
    "market": {key: markets[pair][key] for key in ("spot", "active", "precision", "limits")},
    "time": exchange.fetch_time(),
    "candles": exchange.fetch_ohlcv(pair, "1m", limit=10),
    "book": exchange.fetch_order_book(pair, 5),
    "ticker": exchange.fetch_ticker(pair),
    "tickers": sorted(exchange.fetch_tickers()),
}))
"""


def test_ccxt_understands_all_five_routes(exchange_twin: ExchangeTwin, look: Callable[[str, str], Any]) -> None:
    seen = look(exchange_twin.url, "ETH/USDT")

    assert seen["pairs"] == seen["tickers"] == sorted(PAIRS)
    assert seen["market"]["spot"]
    assert seen["market"]["active"]
    assert seen["market"]["precision"] == {"amount": 0.0001, "base": 1e-8, "price": 0.01, "quote": 1e-8}
    assert seen["market"]["limits"]["cost"]["min"] == 5
    assert len(seen["candles"]) == 10
    assert seen["book"]["bids"][0][0] < seen["book"]["asks"][0][0]
    assert seen["ticker"]["bid"] < seen["ticker"]["ask"]
    assert seen["candles"][-1][3] <= seen["candles"][-1][4] <= seen["candles"][-1][2]


def test_recorded_candles_are_replayed_a_candle_a_minute(
    recorded_twin: AbstractContextManager[ExchangeTwin], look: Callable[[str, str], Any]
) -> None:
    with recorded_twin as twin:
        seen = look(twin.url, "ETH/BTC")

    assert seen["pairs"] == ["DASH/BTC", "ETH/BTC", "LTC/BTC", "XMR/BTC"]
    assert 0.02 < seen["ticker"]["last"] < 0.2
    opened_at = [candle[0] for candle in seen["candles"]]
    assert [later - earlier for earlier, later in pairwise(opened_at)] == [60_000] * 9


@pytest.fixture
def look(freqtrade_python: Path) -> Callable[[str, str], Any]:
    def run(url: str, pair: str) -> Any:
        done = subprocess.run(
            [freqtrade_python, "-c", SCRIPT, url, pair], capture_output=True, text=True, timeout=60, check=True
        )
        return json.loads(done.stdout)

    return run
