"""The rehearsal model asks memory for what was learned, and tells figures and links as it got them."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.fixtures.rehearsal import Tell

OUTCOME = {
    "text": "Outcome of trade 7 in BTC/USDT",
    "kind": "outcome",
    "figures": {"profit_usdt": "0.5", "profit_pct": "1.2"},
    "links": ["trade:7"],
}
SUMMARY = {
    "of": {"pair": "BTC/USDT"},
    "newest_only": False,
    "outcomes": [{"figures_from": "broker", "outcomes": 2, "won": 1, "lost": 1, "sum_profit_usdt": "0.4"}],
}


@pytest.mark.parametrize(
    ("question", "only"),
    [
        ("What did we learn about BTC/USDT?", {"pair": "BTC/USDT"}),
        ("What have we learned from Bitcoin?", {"pair": "BTC/USDT"}),
        ("What did we learn about the strategy PlumbingSample?", {"strategy": "PlumbingSample"}),
        ("What did you learn about losing?", {}),
    ],
)
def test_it_asks_for_the_pair_or_the_strategy_that_is_named(
    called: Callable[[str], dict[str, Any]], question: str, only: dict[str, str]
) -> None:
    arguments = called(question)["memory_search"]

    assert {name: value for name, value in arguments.items() if name != "query"} == only


def test_it_tells_the_sums_and_each_memory_with_figures_and_links(tell: Tell) -> None:
    told = tell("What did we learn about BTC/USDT?", {"memory_search": {"memories": [OUTCOME], "summary": SUMMARY}})

    assert "2 outcomes by the broker's figures: 1 won, 1 lost, 0.4 USDT in all." in told
    assert "- Outcome of trade 7 in BTC/USDT: profit_usdt 0.5, profit_pct 1.2 (trade:7)" in told


def test_notes_without_figures_are_told_as_before(tell: Tell) -> None:
    told = tell("What did we learn about tea?", {"memory_search": {"memories": [{"text": "I like tea"}]}})

    assert told.startswith("You told me:")
