"""The exchange twin answers Binance's five public routes in Binance's shapes, and fails when told to."""

import time
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from tests.fixtures.exchange_twin import PAIRS, ExchangeTwin

MINUTE_MS = 60_000


async def test_exchange_info_describes_every_pair(api: aiohttp.ClientSession) -> None:
    async with api.get("/api/v3/exchangeInfo") as response:
        info = await response.json()

    bitcoin = next(each for each in info["symbols"] if each["symbol"] == "BTCUSDT")
    filters = {each["filterType"]: each for each in bitcoin["filters"]}
    assert len(info["symbols"]) == len(PAIRS)
    assert (bitcoin["baseAsset"], bitcoin["quoteAsset"], bitcoin["status"]) == ("BTC", "USDT", "TRADING")
    assert filters["PRICE_FILTER"]["tickSize"] == "0.01000000"
    assert filters["LOT_SIZE"]["stepSize"] == "0.00001000"
    assert filters["NOTIONAL"]["minNotional"] == "5.00000000"


async def test_time_is_now(api: aiohttp.ClientSession) -> None:
    async with api.get("/api/v3/time") as response:
        answer = await response.json()

    assert abs(answer["serverTime"] / 1000 - time.time()) < 5


async def test_klines_end_with_the_running_candle(api: aiohttp.ClientSession) -> None:
    async with api.get("/api/v3/klines", params={"symbol": "ETHUSDT", "interval": "5m", "limit": 3}) as response:
        rows = await response.json()

    opened_at = [row[0] for row in rows]
    assert opened_at == [opened_at[0] + 5 * MINUTE_MS * index for index in range(3)]
    assert opened_at[-1] <= time.time() * 1000 < opened_at[-1] + 6 * MINUTE_MS
    assert all(len(row) == 12 and isinstance(row[1], str) for row in rows)
    assert all(row[6] == row[0] + 5 * MINUTE_MS - 1 for row in rows)


async def test_klines_between_two_instants(api: aiohttp.ClientSession) -> None:
    start = int(time.time() // 60 - 100) * MINUTE_MS
    query = {"symbol": "ETHUSDT", "interval": "1m", "startTime": start - 1, "endTime": start + 2 * MINUTE_MS}

    async with api.get("/api/v3/klines", params=query) as response:
        rows = await response.json()

    assert [row[0] for row in rows] == [start, start + MINUTE_MS, start + 2 * MINUTE_MS]


async def test_at_most_a_thousand_klines(api: aiohttp.ClientSession) -> None:
    async with api.get("/api/v3/klines", params={"symbol": "ETHUSDT", "interval": "1m", "limit": 5000}) as response:
        rows = await response.json()

    assert len(rows) == 1000


async def test_the_order_book_encloses_the_price(api: aiohttp.ClientSession) -> None:
    async with api.get("/api/v3/depth", params={"symbol": "SOLUSDT", "limit": 5}) as response:
        book = await response.json()

    bids, asks = ([float(price) for price, _ in book[side]] for side in ("bids", "asks"))
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert len(bids) == len(asks) == 5


async def test_the_ticker_sums_up_a_day(api: aiohttp.ClientSession) -> None:
    async with api.get("/api/v3/ticker/24hr", params={"symbol": "XRPUSDT"}) as response:
        ticker = await response.json()

    assert float(ticker["lowPrice"]) <= float(ticker["lastPrice"]) <= float(ticker["highPrice"])
    assert float(ticker["bidPrice"]) < float(ticker["askPrice"])
    assert float(ticker["quoteVolume"]) > 0


async def test_without_a_symbol_there_is_a_ticker_for_each(api: aiohttp.ClientSession) -> None:
    async with api.get("/api/v3/ticker/24hr") as response:
        tickers = await response.json()

    assert {each["symbol"] for each in tickers} == {pair.replace("/", "") for pair in PAIRS}


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("depth", {"symbol": "NOPE"}, -1121),
        ("ticker/24hr", {"symbol": "NOPE"}, -1121),
        ("klines", {"symbol": "NOPE", "interval": "1m"}, -1121),
        ("klines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120),
    ],
)
async def test_what_binance_would_refuse_is_refused(
    api: aiohttp.ClientSession, path: str, query: dict[str, str], code: int
) -> None:
    async with api.get(f"/api/v3/{path}", params=query) as response:
        answer = await response.json()

    assert response.status == 400
    assert answer["code"] == code


@pytest.mark.parametrize(
    ("mode", "status", "text"), [("down", 503, "twin"), ("error", 400, "-1000"), ("ratelimit", 429, "-1003")]
)
async def test_it_fails_in_the_way_it_is_told_to(
    api: aiohttp.ClientSession, exchange_mode: Callable[[str], None], mode: str, status: int, text: str
) -> None:
    exchange_mode(mode)

    async with api.get("/api/v3/time") as response:
        answer = await response.text()

    assert response.status == status
    assert text in answer


async def test_garbage_is_html_with_status_200(
    api: aiohttp.ClientSession, exchange_mode: Callable[[str], None]
) -> None:
    exchange_mode("garbage")

    async with api.get("/api/v3/time") as response:
        answer = await response.text()

    assert response.status == 200
    assert answer.startswith("<html>")


async def test_slow_outlasts_a_clients_patience(
    api: aiohttp.ClientSession, exchange_mode: Callable[[str], None]
) -> None:
    exchange_mode("slow")

    with pytest.raises(TimeoutError):
        await api.get("/api/v3/time", timeout=aiohttp.ClientTimeout(total=0.5))


async def test_every_answer_says_that_its_prices_are_simulated(api: aiohttp.ClientSession) -> None:
    async with api.get("/api/v3/ticker/24hr", params={"symbol": "BTCUSDT"}) as response:
        assert "simulated" in response.headers["X-Simulated-Prices"]


async def test_a_fleeing_book_is_never_again_where_it_was(
    api: aiohttp.ClientSession, exchange_mode: Callable[[str], None]
) -> None:
    exchange_mode("fleeing")
    asks: list[float] = []

    for _ in range(3):
        async with api.get("/api/v3/depth", params={"symbol": "ETHUSDT", "limit": 5}) as response:
            asks.append(float((await response.json())["asks"][0][0]))

    assert asks[0] < asks[1] < asks[2] < asks[0] * 1.01


async def test_an_unknown_mode_is_refused(api: aiohttp.ClientSession) -> None:
    async with api.post("/twin/mode", json={"mode": "haunted"}) as response:
        assert response.status == 422


@pytest.fixture
async def api(exchange_twin: ExchangeTwin) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(exchange_twin.url) as session:
        yield session
