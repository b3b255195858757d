"""Freqtrade's configuration. We never import Freqtrade: it is GPL-3 and a process of its own."""

import json
import os
import shutil
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pilothouse.errors import SettingsError
from pilothouse.settings import CHECKOUT

TEMPLATE = CHECKOUT / "deploy" / "freqtrade" / "config.json"
STRATEGIES = CHECKOUT / "deploy" / "freqtrade" / "strategies"
POLICY = CHECKOUT / "deploy" / "policy.toml"
APPROVED_ENTRIES = "approved_entries.py"  # what strategies import, wherever they are
CONFIG, USER_DATA = "config.json", "user_data"
SCHEMA_OPTIONS = "-csearch_path=trading -ctimezone=UTC"  # its instants are naive: the session must be UTC
SIMULATED = "simulated"
DEFAULT_PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "LTC/USDT")
STAKES_IN_WALLET = 20
WALLETS = {"BTC": Decimal("0.02"), "ETH": Decimal("0.4"), "BNB": Decimal(2)}
WALLET = Decimal(1000)
TWIN_RATE_LIMIT_MS = 20
UNSERVED_APIS = (
    *("sapi", "sapiV2", "sapiV3", "sapiV4", "papi", "papiV2", "eapiPublic", "eapiPrivate"),
    *("fapiPublic", "fapiPublicV2", "fapiPublicV3", "fapiPrivate", "fapiPrivateV2", "fapiPrivateV3", "fapiData"),
    *("dapiPublic", "dapiPrivate", "dapiPrivateV2", "dapiData"),
)


@dataclass(frozen=True)
class ApiCredentials:
    """Random secrets of the bot's REST server; the broker gets the first two, nobody the others."""

    username: str
    password: str
    jwt_secret_key: str
    ws_token: str


@dataclass(frozen=True)
class FreqtradeConfig:
    """What differs from machine to machine."""

    port: int
    credentials: ApiCredentials
    database_url: str
    entry_key: str  # with it the strategy knows the broker's entries
    strategy_entries: str
    exchange: str = SIMULATED  # or a ccxt name: that exchange's real public data, still in dry-run
    prices: Literal["simulated", "recorded"] = "simulated"  # what the twin serves
    twin_url: str = ""
    pairs: tuple[str, ...] = DEFAULT_PAIRS
    stake_currency: str = ""  # what the first pair is quoted in
    dry_run_wallet: Decimal = Decimal(0)  # about a thousand dollars' worth


def write_config(target: Path, *, config: FreqtradeConfig) -> None:
    """Write `config.json` (owner only) and the user directory into `target`."""
    path = target / CONFIG
    strategies = target / USER_DATA / "strategies"
    strategies.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(STRATEGIES / APPROVED_ENTRIES, strategies / APPROVED_ENTRIES)
    path.unlink(missing_ok=True)  # an old file would keep its old mode
    with open(path, "w", opener=_owner_only) as file:
        json.dump(_complete(config), file, indent=2)


def trade_command(target: Path, *, python: Path) -> list[str]:
    """The command that trades with what `write_config` wrote into `target`."""
    files = ["-c", str(target / CONFIG), "--userdir", str(target / USER_DATA)]
    return [str(python), "-m", "freqtrade", "trade", *files]


def strategy_entries(policy: Path) -> str:
    """What the policy says about the strategy's own entries; as long as there is none, the one that is shipped."""
    path = policy if policy.exists() else POLICY
    try:
        return str(tomllib.loads(path.read_text(encoding="utf-8"))["strategy_entries"])
    except (OSError, ValueError, KeyError) as error:
        hint = f"{POLICY} shows every key with its meaning"
        raise SettingsError(f"strategy_entries cannot be read from {path}: {error}", hint=hint) from error


def recorded_pairs(folder: Path) -> tuple[str, ...]:
    """The pairs a folder of Freqtrade candle files can replay; a clear error when there are none."""
    pairs = sorted({path.name.split("-")[0].replace("_", "/") for path in folder.glob("*_*-*.feather")})
    if not pairs or not folder.is_absolute():
        raise SettingsError(
            f"expected candle files such as BTC_USDT-1m.feather in {folder}, an absolute path",
            hint="correct PILOTHOUSE_EXCHANGE_CANDLES, or leave it empty for invented prices",
        )
    return tuple(pairs)


def require_known_exchange(name: str, environment: Path) -> None:
    """Before anything is started: every exchange that Freqtrade can use is a module of ccxt."""
    if name == SIMULATED or (name.isalnum() and any(environment.glob(f"lib/python*/site-packages/ccxt/{name}.py"))):
        return
    hint = f"EXCHANGE is '{SIMULATED}' or an exchange's ccxt name in small letters, such as binance or kraken"
    raise SettingsError(f"no exchange is called '{name}'", hint=hint)


def _complete(config: FreqtradeConfig) -> dict[str, Any]:
    filled: dict[str, Any] = json.loads(TEMPLATE.read_text())
    market = config.prices if config.exchange == SIMULATED else config.exchange
    currency = config.stake_currency or config.pairs[0].partition("/")[2]
    wallet = config.dry_run_wallet or WALLETS.get(currency, WALLET)
    return filled | {
        "dry_run": True,
        "bot_name": f"pilothouse on {market} prices",
        "dry_run_wallet": float(wallet),  # Freqtrade's schema wants numbers
        "stake_currency": currency,
        "stake_amount": float(wallet / STAKES_IN_WALLET),
        "db_url": in_schema(config.database_url),
        "strategy_path": str(STRATEGIES),
        "pilothouse": {"strategy_entries": config.strategy_entries, "entry_key": config.entry_key},
        "exchange": _exchange(filled["exchange"], config),
        "api_server": filled["api_server"] | {"listen_port": config.port} | vars(config.credentials),
    }


def _exchange(template: dict[str, Any], config: FreqtradeConfig) -> dict[str, Any]:
    exchange: dict[str, Any] = template | {"name": config.exchange, "pair_whitelist": list(config.pairs)}
    if config.exchange != SIMULATED:
        return exchange
    return exchange | {
        "name": "binance",
        "ccxt_async_config": {"rateLimit": TWIN_RATE_LIMIT_MS},
        "ccxt_config": exchange["ccxt_config"] | {"urls": {"api": _twin_routes(config.twin_url)}},
    }


def _twin_routes(url: str) -> dict[str, str]:
    """Every API that ccxt's Binance knows leads to the twin, so that no address on the internet is left."""
    twin = url.rstrip("/")
    return {
        "public": f"{twin}/api/v3",
        "private": f"{twin}/api/v3",
        "v1": f"{twin}/api/v1",
        **{name: f"{twin}/unserved/{name}" for name in UNSERVED_APIS},
    }


def in_schema(url: str) -> str:
    """SQLAlchemy's form of a PostgreSQL address, inside Freqtrade's own schema."""
    parts = urlsplit(url)
    if not parts.scheme.startswith("postgres"):
        return url
    query = urlencode([*parse_qsl(parts.query), ("options", SCHEMA_OPTIONS)])
    return urlunsplit(parts._replace(scheme="postgresql+psycopg", query=query.replace("+", "%20")))


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)
