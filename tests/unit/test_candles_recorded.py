"""Recorded candles: one a wall-clock minute, all pairs at the same recorded moment, round and round."""

from pathlib import Path

import numpy as np
import pytest

from simulators.exchange import recorded
from simulators.exchange.recorded import RecordedMarket


def test_one_recorded_candle_lasts_a_minute_and_the_tape_starts_again(tape: RecordedMarket) -> None:
    rows = tape.minutes("ETH/BTC", first=300, count=5)

    assert rows.close.tolist() == [0.05, 0.06, 0.07, 0.05, 0.06]
    assert rows.minute.tolist() == [300, 301, 302, 303, 304]


def test_prices_have_the_digits_of_their_magnitude(tape: RecordedMarket) -> None:
    assert tape.decimals("ETH/BTC") == 6


def test_a_folder_without_candles_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="give a folder of Freqtrade candle files"):
        recorded.load(tmp_path)


@pytest.fixture
def tape() -> RecordedMarket:
    column = np.array([0.05, 0.06, 0.07])
    return RecordedMarket(tapes={"ETH/BTC": dict.fromkeys(recorded.COLUMNS, column)}, length=3)
