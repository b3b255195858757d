"""Reading a trade out of a sentence: which pair, how much, which direction."""

import re
from typing import Any

PROPOSE = re.compile(
    r"(?:^|[,.;:!\n]\s*|\b(?:please|and|then|to|i|you)\s+)(?:buy|go long|long|go short|short)\b[^?!\n]*"
    r"|\b(?:propose|open|place|enter|make)\s+(?:me\s+)?(?:a|an|another)\s+[^.?!,;\n]{0,40}?(?:trade|position|order)\b[^?!\n]*"
    r"|\bpropose\b[^?!\n]*",
    re.IGNORECASE,
)
LEAVE = re.compile(
    r"\b(?:sell|close|exit|leave)\b[^?!.\n]{0,40}?\btrade\s+#?(?P<trade>\d{1,9})\b[^?!\n]*", re.IGNORECASE
)
PAIR = re.compile(r"\b([A-Za-z0-9]{2,10})[/-](USDT|USDC|USD|BTC|ETH|EUR)\b", re.IGNORECASE)
AMOUNT = re.compile(
    r"(\d+(?:\.\d+)?)\s*(?:usdt|usdc|usd|dollars?|eur)\b|\$\s*(\d+(?:\.\d+)?)|\b(?:for|of|stake)\s+(\d+(?:\.\d+)?)",
    re.IGNORECASE,
)
COINS = {
    "bitcoin": "BTC",
    "btc": "BTC",
    "ethereum": "ETH",
    "ether": "ETH",
    "eth": "ETH",
    "solana": "SOL",
    "sol": "SOL",
    "bnb": "BNB",
    "xrp": "XRP",
    "ripple": "XRP",
    "ada": "ADA",
    "cardano": "ADA",
    "doge": "DOGE",
    "dogecoin": "DOGE",
}
COIN = re.compile(rf"\b({'|'.join(COINS)})\b", re.IGNORECASE)
DEFAULT_PAIR = "ETH/USDT"
DEFAULT_STAKE = 50
PROPOSED_IF_UNKNOWN: dict[str, Any] = {"pair": {}, "side": {}, "stake_amount": {}}


def find_pair(text: str) -> str | None:
    """The first pair named, written out or by its coin (then against USDT)."""
    if pair := PAIR.search(text):
        return f"{pair[1]}/{pair[2]}".upper()
    coin = COIN.search(text)
    return f"{COINS[coin[1].lower()]}/USDT" if coin else None


def proposal(words: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Arguments for the trading tool, by the names its schema uses."""
    properties: dict[str, Any] = schema.get("properties") or PROPOSED_IF_UNKNOWN
    stake = _stake(words)
    known: dict[str, Any] = {
        "pair": find_pair(words) or DEFAULT_PAIR,
        "side": "short" if re.search(r"\bshort\b", words, re.IGNORECASE) else "long",
        "stake_amount": stake,
        "stake": stake,
        "amount": stake,
        "reason": "The user asked for this trade.",
    }
    return {name: _typed(known[name], kind) for name, kind in properties.items() if name in known}


def _stake(words: str) -> float | int:
    found = AMOUNT.search(words)
    if found is None:
        return DEFAULT_STAKE
    number = float(next(group for group in found.groups() if group))
    return int(number) if number.is_integer() else number


def _typed(value: Any, kind: dict[str, Any]) -> Any:
    return str(value) if kind.get("type") == "string" else value
