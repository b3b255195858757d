"""Which notes the rehearsal model takes for contradictions; memory's question has its form."""

import json

import pytest

from simulators.openrouter.contradictions import answer


def replaced(newer: str, *older: str) -> list[int]:
    """The numbers of the older notes that it says are replaced."""
    listed = "\n".join(f"{number}. [2026-01-01] {text}" for number, text in enumerate(older, 1))
    asked = f"<older_notes>\n{listed}\n</older_notes>\n<newer_note>\n[2026-02-01] {newer}\n</newer_note>"
    return json.loads(answer(asked))["replaces"]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("I live in Lisbon", "I live in Porto"),
        ("I live in Lisbon", "I moved to Porto"),
        ("My exchange is Kraken", "My exchange is Binance"),
        ("I never want more than 3 open trades", "I never want more than 5 open trades"),
        ("I like ETH", "I don't like ETH"),
        ("I trade on Kraken", "I now trade on Binance"),
    ],
)
def test_the_same_frame_with_another_value_is_replaced(older: str, newer: str) -> None:
    assert replaced(newer, "I only trade on weekdays", older) == [2]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("I like ETH", "I like BTC"),
        ("I prefer strategy number 1", "I prefer strategy number 2"),
        ("My daughter is called Mira", "My cat is called Zephyrus"),
        ("I live in Lisbon", "I love Lisbon"),
        ("I want unlimited stakes", "I want small stakes"),
    ],
)
def test_what_may_hold_beside_it_stays(older: str, newer: str) -> None:
    assert replaced(newer, older) == []
