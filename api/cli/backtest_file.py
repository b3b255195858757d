"""What Freqtrade's backtesting exported, read as data: bounded, checked, exact. Nothing in it is run or unpacked."""

import hashlib
import json
import zipfile
import zlib
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from pilothouse.errors import BadInputError, TooLargeError

MAX_BYTES = 50_000_000  # of the file, and of the result in it: 40,000 trades or so
HINT = "give a .zip or .json of user_data/backtest_results, written by freqtrade backtesting --export trades"

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
Pair = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,15}/[A-Z0-9]{1,14}(:[A-Z0-9]{1,9})?$")]
Count = Annotated[int, Field(ge=0, le=10**9)]
Figure = Annotated[Decimal, Field(gt=-(10**15), lt=10**15)] | None  # what could not be computed is null


class Result(BaseModel):
    """What a strategy, or a strategy in one pair, came to. Shares of one, but for the result in the stake currency."""

    model_config = ConfigDict(frozen=True)

    profit_total: Figure = None
    profit_total_abs: Figure = None
    winrate: Figure = None
    max_drawdown_account: Figure = None
    cagr: Figure = None
    profit_factor: Figure = None
    sharpe: Figure = None
    sortino: Figure = None
    calmar: Figure = None

    def figures(self, currency: str) -> dict[str, Decimal]:
        """Under names with their units, rounded to what they can mean."""
        shares = {
            "profit_total_pct": self.profit_total,
            "winrate_pct": self.winrate,
            "max_drawdown_pct": self.max_drawdown_account,
            "cagr_pct": self.cagr,
        }
        ratios = {name: getattr(self, name) for name in ("profit_factor", "sharpe", "sortino", "calmar")}
        money = {f"profit_{currency.lower()}": self.profit_total_abs}
        rounded = [(4, {name: None if share is None else 100 * share for name, share in shares.items()})]
        rounded += [(4, ratios), (8, money)]
        return {
            name: round(each, places) for places, named in rounded for name, each in named.items() if each is not None
        }


class PairResult(Result):
    """In one pair."""

    key: str
    trades: Count


class StrategyResult(Result):
    """Of one strategy. Freqtrade counts time in milliseconds here."""

    total_trades: Count
    results_per_pair: list[PairResult]
    pairlist: list[Pair] = Field(min_length=1, max_length=5000)
    stake_currency: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,14}$")]
    timeframe: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}[smhdwMy]$")]
    backtest_start_ts: datetime
    backtest_end_ts: datetime


class Export(BaseModel):
    """The whole file."""

    strategy: dict[Name, StrategyResult] = Field(min_length=1, max_length=20)


@dataclass(frozen=True)
class Backtests:
    """What a file holds, and its SHA-256."""

    digest: str
    strategies: dict[str, StrategyResult]


def read(path: Path) -> Backtests:
    """The results in an exported file; an error that says what was expected otherwise."""
    content = _read_file(path)
    text = _result_in(path) if zipfile.is_zipfile(path) else content
    try:
        # Figures stay exact; NaN and Infinity, which are no JSON, become null.
        parsed: Any = json.loads(text, parse_float=Decimal, parse_constant=lambda _: None)
        export = Export.model_validate(parsed)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInputError(f"{path.name} is no backtest: {where}: {first['msg']}", hint=HINT) from error
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path.name} is neither a .zip nor a .json of a backtest", hint=HINT) from error
    return Backtests(hashlib.sha256(content).hexdigest(), export.strategy)


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return _bounded(file.read(MAX_BYTES + 1), path)
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}", hint=HINT) from error


def _result_in(path: Path) -> bytes:
    """The result; the names of the other .json files in the .zip begin with its name."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted((name for name in archive.namelist() if name.endswith(".json")), key=len)
            if not names:
                raise BadInputError(f"{path.name} holds no .json", hint=HINT)
            with archive.open(names[0]) as file:
                return _bounded(file.read(MAX_BYTES + 1), path)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, zlib.error) as error:
        raise BadInputError(f"{path.name} is a .zip that cannot be read: {error}", hint=HINT) from error


def _bounded(content: bytes, path: Path) -> bytes:
    if len(content) > MAX_BYTES:
        raise TooLargeError(f"{path.name} holds more than {MAX_BYTES:,} bytes", hint="backtest a shorter period")
    return content
