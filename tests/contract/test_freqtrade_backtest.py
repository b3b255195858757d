"""The real Freqtrade's export of a backtest is what we read."""

from decimal import Decimal
from pathlib import Path

import pytest

from api.cli import backtest_file
from api.cli.backtest_memories import bodies

pytestmark = [pytest.mark.freqtrade, pytest.mark.timeout(300)]


def test_what_freqtrade_exported_becomes_memories_with_its_figures(real_backtest: Path) -> None:
    whole, *pairs = bodies(backtest_file.read(real_backtest), note=None).values()

    figures = {name: Decimal(value) for name, value in whole["subject"]["figures"].items()}
    of_pairs = [Decimal(each["subject"]["figures"]["trades"]) for each in pairs]
    assert whole["subject"]["strategy"] == "PlumbingSample"
    assert {each["subject"]["pair"] for each in pairs} == {"BTC/USDT", "ETH/USDT"}
    assert figures["trades"] == sum(of_pairs) > 0
    assert {"profit_usdt", "profit_total_pct", "winrate_pct", "max_drawdown_pct", "sharpe"} <= figures.keys()
    assert 0 <= figures["winrate_pct"] <= 100
