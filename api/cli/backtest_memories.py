"""The memories of a backtest: one a strategy, and one for each of its pairs, so that a pair's own figures are found."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from api.cli.backtest_file import Backtests, PairResult, StrategyResult
from api.cli.client import Fields

MAX_PAIRS = 50  # those with most trades get a memory of their own
NAMED = 10


def bodies(backtests: Backtests, *, note: str | None) -> dict[str, Fields]:
    """What to send to /api/memories, by the key that makes sending it again harmless."""
    found: dict[str, Fields] = {}
    for strategy, result in backtests.strategies.items():
        only = result.pairlist[0] if len(result.pairlist) == 1 else None
        whole = {"trades": Decimal(result.total_trades), **result.figures(result.stake_currency)}
        found |= _body(backtests.digest, strategy, result, pair=only, figures=whole, note=note)
        for each in [] if only else _traded(result):
            figures = {"trades": Decimal(each.trades), **each.figures(result.stake_currency)}
            found |= _body(backtests.digest, strategy, result, pair=each.key, figures=figures, note=note)
    return found


def _traded(result: StrategyResult) -> list[PairResult]:
    """Freqtrade adds a row for the total, which is no pair."""
    traded = [each for each in result.results_per_pair if each.trades and each.key in result.pairlist]
    return sorted(traded, key=lambda each: each.trades, reverse=True)[:MAX_PAIRS]


def _body(
    digest: str,
    strategy: str,
    result: StrategyResult,
    *,
    pair: str | None,
    figures: Mapping[str, Decimal],
    note: str | None,
) -> dict[str, Fields]:
    since, until = result.backtest_start_ts, result.backtest_end_ts
    text = (
        f"Backtest of {strategy} in {pair or _named(result.pairlist)}: {result.timeframe} candles from "
        f"{since:%Y-%m-%d} to {until:%Y-%m-%d} (file {digest[:8]})"
    )
    subject: dict[str, Any] = {
        "strategy": strategy,
        "pair": pair,
        "timeframe": result.timeframe,
        "since": since.isoformat(),
        "until": until.isoformat(),
        "figures": {name: f"{figure:f}" for name, figure in figures.items()},
        "links": [f"sha256:{digest}"],
    }
    body: Fields = {"text": f"{text}. {note}" if note else text, "kind": "backtest", "subject": subject}
    return {f"backtest {digest} {strategy} {pair or 'all'}": body}


def _named(pairs: list[str]) -> str:
    more = f" and {len(pairs) - NAMED} more" if len(pairs) > NAMED else ""
    return f"{len(pairs)} pairs ({', '.join(pairs[:NAMED])}{more})"
