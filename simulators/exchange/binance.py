"""Binance's shapes: symbols, klines, order book and ticker, with every price as a string of fixed digits."""

from typing import Any

from simulators.exchange.magnitudes import amount_decimals, usd
from simulators.exchange.market import MINUTES_PER_DAY, SECONDS_PER_MINUTE, Candles, Market, candles, price_at

MINUTE_MS = 60_000
BOOK_LEVELS = 20
LEVEL_USD = 50_000.0
MIN_NOTIONAL_USD = 5.0
PRECISION = 8


def symbol_of(pair: str) -> str:
    """BTC/USDT is BTCUSDT to Binance."""
    return pair.replace("/", "")


def describe(market: Market, pair: str) -> dict[str, Any]:
    """One entry of exchangeInfo's `symbols`."""
    base, quote = pair.split("/")
    return {
        "symbol": symbol_of(pair),
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": quote,
        "baseAssetPrecision": PRECISION,
        "quotePrecision": PRECISION,
        "quoteAssetPrecision": PRECISION,
        "baseCommissionPrecision": PRECISION,
        "quoteCommissionPrecision": PRECISION,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"],
        "icebergAllowed": True,
        "ocoAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "permissions": ["SPOT"],
        "permissionSets": [["SPOT"]],
        "filters": _filters(market, pair),
    }


def _filters(market: Market, pair: str) -> list[dict[str, Any]]:
    base, quote = pair.split("/")
    tick = _fixed(10.0 ** -market.decimals(pair), PRECISION)
    step = _fixed(10.0 ** -amount_decimals(base), PRECISION)
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000", "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "9000000.00000000", "stepSize": step},
        {
            "filterType": "NOTIONAL",
            "minNotional": _fixed(MIN_NOTIONAL_USD / usd(quote), PRECISION),
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
    ]


def klines(market: Market, pair: str, rows: Candles, interval: int) -> list[list[Any]]:
    """Rows of 12: open time, prices, volume, close time, and four estimates of who traded."""
    digits = market.decimals(pair)
    columns = (rows.minute, rows.open, rows.high, rows.low, rows.close, rows.volume)
    return [_kline(values, interval, digits) for values in zip(*(each.tolist() for each in columns), strict=True)]


def _kline(values: tuple[Any, ...], interval: int, digits: int) -> list[Any]:
    minute, *prices, volume = values
    quoted = volume * prices[-1]
    return [
        minute * MINUTE_MS,
        *(_fixed(price, digits) for price in prices),
        _fixed(volume, PRECISION),
        (minute + interval) * MINUTE_MS - 1,
        _fixed(quoted, PRECISION),
        int(volume) + 1,
        _fixed(volume / 2, PRECISION),
        _fixed(quoted / 2, PRECISION),
        "0",
    ]


def depth(market: Market, pair: str, *, limit: int, now_s: float, flight: float = 0) -> dict[str, Any]:
    """An order book one step wide on each side, or wider by `flight`; deep enough for any sensible stake."""
    digits = market.decimals(pair)
    price, step = price_at(market, pair, now_s=now_s), 10.0**-digits
    base = pair.partition("/")[0]
    quantity = _fixed(LEVEL_USD / usd(base), amount_decimals(base))
    levels = range(1, min(limit, BOOK_LEVELS) + 1)
    bid, ask = price * (1 - flight), price * (1 + flight)
    return {
        "lastUpdateId": int(now_s * 1000),
        "bids": [[_fixed(bid - step * level, digits), quantity] for level in levels if bid > step * level],
        "asks": [[_fixed(ask + step * level, digits), quantity] for level in levels],
    }


def ticker(market: Market, pair: str, *, now_s: float) -> dict[str, Any]:
    """The last 24 hours in one row."""
    digits = market.decimals(pair)
    first = int(now_s // SECONDS_PER_MINUTE) - MINUTES_PER_DAY + 1
    day = candles(market, pair, interval=1, first=first, count=MINUTES_PER_DAY, now_s=now_s)
    opened, last, step = float(day.open[0]), float(day.close[-1]), 10.0**-digits
    volume, quoted = float(day.volume.sum()), float((day.volume * day.close).sum())
    prices = {
        "priceChange": last - opened,
        "weightedAvgPrice": quoted / volume,
        "prevClosePrice": opened,
        "lastPrice": last,
        "bidPrice": last - step,
        "askPrice": last + step,
        "openPrice": opened,
        "highPrice": float(day.high.max()),
        "lowPrice": float(day.low.min()),
    }
    return {
        "symbol": symbol_of(pair),
        **{name: _fixed(value, digits) for name, value in prices.items()},
        "priceChangePercent": _fixed(100 * (last - opened) / opened, 3),
        "lastQty": "1.00000000",
        "bidQty": "1.00000000",
        "askQty": "1.00000000",
        "volume": _fixed(volume, PRECISION),
        "quoteVolume": _fixed(quoted, PRECISION),
        "openTime": first * MINUTE_MS,
        "closeTime": int(now_s * 1000),
        "firstId": first,
        "lastId": first + MINUTES_PER_DAY,
        "count": MINUTES_PER_DAY,
    }


def _fixed(value: float, digits: int) -> str:
    return f"{value:.{digits}f}"
