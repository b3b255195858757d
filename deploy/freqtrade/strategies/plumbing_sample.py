# SPDX-License-Identifier: GPL-3.0-or-later
#
# This file subclasses Freqtrade's IStrategy and is therefore licensed under the GNU General Public License,
# version 3 or later, unlike the rest of this repository: https://www.gnu.org/licenses/gpl-3.0.html
"""A strategy for plumbing: it trades within a minute or two, so that everything around it has trades to show.

There is no evidence that it earns money, and none is claimed. It buys whatever rose in the last minute, which is half
of everything, and leaves at a small profit, at a stop, or after twenty minutes. Fees alone make it lose a few percent
a day. Do not run it with real money.
"""

from approved_entries import ApprovedEntries
from freqtrade.persistence import Trade
from freqtrade.strategy import IStrategy
from pandas import DataFrame

ENTRY_TAG = "last_minute_rose"


class PlumbingSample(ApprovedEntries, IStrategy):
    INTERFACE_VERSION = 3

    timeframe = "1m"
    can_short = False
    process_only_new_candles = True
    startup_candle_count = 2

    stoploss = -0.01
    minimal_roi = {
        "0": 0.006,
        "5": 0.003,
        "10": 0.001,
        "20": -1,  # out, whatever it costs
    }
    use_exit_signal = False
    max_own_trades = 3  # fewer than max_open_trades: the other places are for what people and the agent ask for
    position_adjustment_enable = False
    order_types = {"entry": "limit", "exit": "limit", "stoploss": "market", "stoploss_on_exchange": False}

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        rose = (dataframe["close"] > dataframe["close"].shift(1)) & (dataframe["volume"] > 0)
        dataframe.loc[rose, ["enter_long", "enter_tag"]] = (1, ENTRY_TAG)
        return dataframe

    def confirm_trade_entry(self, *, entry_tag: str | None, **_: object) -> bool:
        return entry_tag != ENTRY_TAG or Trade.get_open_trade_count() < self.max_own_trades

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe
