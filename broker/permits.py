"""The tag of an entry, with the terms on which Freqtrade may let it through.

Freqtrade may act on a call long after it was made, at another price, and raises a stake that is too small for it. Its
strategy asks these terms right before the order (deploy/freqtrade/strategies/approved_entries.py).
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_CEILING, Context

from broker.figures import plain
from broker.intents import Intent
from broker.policy import CurrentPolicy
from pilothouse.clock import Clock, now

VALIDITY = timedelta(minutes=1)
PROOF_CHARS = 32
PRICE = Context(prec=12, rounding=ROUND_CEILING)


@dataclass(frozen=True)
class Permits:
    """Writes them. `key`: what Freqtrade's strategy has too; empty where the bot is not ours."""

    key: str
    policy: CurrentPolicy
    clock: Clock = now

    def tag(self, intent: Intent) -> str:
        """What Freqtrade is to keep with the trade: names the intent, then its terms and who wrote them."""
        if not self.key or intent.stake is None:
            return intent.tag
        until = int((self.clock() + VALIDITY).timestamp())
        max_rate = PRICE.create_decimal(intent.price_seen * (1 + self.policy.now.max_price_drift))
        terms = f"{intent.tag}:{until}:{plain(max_rate)}:{plain(intent.stake)}"
        proof = hmac.new(self.key.encode(), f"{intent.pair} {terms}".encode(), hashlib.sha256).hexdigest()
        return f"{terms}:{proof[:PROOF_CHARS]}"
