# SPDX-License-Identifier: GPL-3.0-or-later
#
# This file is part of strategies, which subclass Freqtrade's IStrategy, and is therefore licensed under the GNU General
# Public License, version 3 or later, unlike the rest of this repository: https://www.gnu.org/licenses/gpl-3.0.html
"""The last door before an entry: what the broker wants is let through on its terms, the rest as the policy says.

`class Mine(ApprovedEntries, IStrategy)`: Freqtrade asks `confirm_trade_entry` before every new trade, forced ones too.
It keeps honest strategies to the policy. It cannot hold a hostile one: strategies are code with Freqtrade's own rights.
"""

import hashlib
import hmac
import logging
from datetime import datetime
from typing import Any

OURS = "pilothouse:"
TRADING = ("dry_run", "live")
PROOF_CHARS = 32
ROUNDING = 1 + 1e-6  # Freqtrade counts in binary fractions

logger = logging.getLogger(__name__)


class ApprovedEntries:
    """Goes before IStrategy among a strategy's bases."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        if config["runmode"].value not in TRADING:
            return  # a backtest: nothing is bought
        if "pilothouse" not in config:
            raise ValueError("config.json has no 'pilothouse' section: start the bot with bin/pilothouse up")
        self._rules: dict[str, str] = config["pilothouse"]
        self._own_opinion = self.confirm_trade_entry
        self.confirm_trade_entry = self._decide  # on the object: no subclass comes before it

    def _decide(self, **entry: Any) -> bool:
        try:
            reason = self._objection(**entry)
            if reason is None:
                return bool(self._own_opinion(**entry))
        except Exception:  # noqa: BLE001 -- Freqtrade takes an exception for a yes
            logger.exception("entry refused: it could not be judged")
            return False
        logger.warning("entry in %s refused: %s", entry.get("pair"), reason)
        return False

    def _objection(
        self, *, pair: str, amount: float, rate: float, current_time: datetime, entry_tag: str | None, **_: Any
    ) -> str | None:
        tag = entry_tag or ""
        if not tag.startswith(OURS):
            return None if self._rules["strategy_entries"] == "counted" else "the policy lets no strategy enter"
        terms, _, proof = tag.rpartition(":")
        expected = hmac.new(self._rules["entry_key"].encode(), f"{pair} {terms}".encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(proof, expected[:PROOF_CHARS]):
            return "the broker did not write its tag"
        until, max_rate, stake = terms.split(":")[2:]
        if current_time.timestamp() > int(until):
            return "it came too late"
        if rate > float(max_rate):
            return f"the price is {rate}, at most {max_rate} was approved"
        if amount * rate > float(stake) * ROUNDING:
            return f"it would cost {amount * rate}, {stake} was approved"
        return None
