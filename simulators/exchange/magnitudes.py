"""Believable magnitudes: what a currency is worth, and in which steps Binance would quote it."""

import math

USD = {
    "USDT": 1.0, "BTC": 60_000.0, "ETH": 3_000.0, "BNB": 600.0, "SOL": 150.0, "LTC": 80.0, "XMR": 160.0, "DASH": 30.0,
    "LINK": 15.0, "DOT": 6.0, "XRP": 2.0, "ADA": 0.5, "DOGE": 0.15,
}  # fmt: skip


def usd(currency: str) -> float:
    """A believable price in dollars; a currency we do not know costs a hundred."""
    return USD.get(currency, 100.0)


def base_price(pair: str) -> float:
    """Around what this pair trades."""
    base, quote = pair.split("/")
    return usd(base) / usd(quote)


def price_decimals(price: float) -> int:
    """Digits after the point that make one step about a hundredth of a percent or less."""
    return max(2, 4 - math.floor(math.log10(price)))


def amount_decimals(base: str) -> int:
    """Amounts come in steps worth about ten cents."""
    return max(0, math.floor(math.log10(usd(base))) + 1)
