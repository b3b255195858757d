"""Texts whose vectors are close: which of them say the same, and which only sound alike."""

import pytest

from memory.gate_similar import says_the_same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I like ETH a lot", "I like ETH very much"),
        ("I only trade on weekdays", "I trade only on weekdays."),
        ("The user never wants more than 3 open trades", "I never want more than three open trades"),
        ("I'm based in Porto", "I am based in Porto"),
    ],
)
def test_other_words_for_the_same(one: str, other: str) -> None:
    assert says_the_same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("max 3 trades", "max 5 trades"),
        ("at most three trades", "at most five trades"),
        ("stop at 2%", "stop at 2.5%"),
        ("I like ETH", "I don't like ETH"),
        ("I use leverage", "I never use leverage"),
        ("BTC beats ETH", "ETH beats BTC"),
        ("I trade BTC/USDT", "I trade ETH/USDT"),
        ("I trade on Kraken", "I trade on Binance"),
        ("Mira is my daughter", "Mara is my daughter"),
        ("buy the dip", "sell the dip"),
        ("I only trade at night", "I only trade at day"),
    ],
)
def test_another_number_name_negation_or_side_is_another_thing(one: str, other: str) -> None:
    assert not says_the_same(one, other)
    assert not says_the_same(other, one)
