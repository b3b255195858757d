"""What an exit still needs: nothing that limits entries ever keeps one in a trade, and no halt does."""

from broker.entry_limits import max_price_drift
from broker.figures import plain
from broker.intents import Intent
from broker.policy import Policy
from broker.snapshot import Snapshot


def bot_leaves(_intent: Intent, _policy: Policy, snapshot: Snapshot) -> str | None:
    """Freqtrade leaves trades while it runs or is paused."""
    state = snapshot.bot.config.known().state
    return None if state in ("running", "paused") else f"Freqtrade is {state}"


def trade_open(intent: Intent, _policy: Policy, snapshot: Snapshot) -> str | None:
    """An exit leaves a trade that Freqtrade has open, in the pair it names."""
    for trade in snapshot.trades.opened:
        if trade.trade_id == intent.trade_id:
            return None if trade.pair == intent.pair else f"trade {trade.trade_id} is in {trade.pair}"
    return f"trade {intent.trade_id} is not open"


def amount(intent: Intent, _policy: Policy, snapshot: Snapshot) -> str | None:
    """An exit sells no more than the trade holds."""
    for trade in snapshot.trades.opened:
        if trade.trade_id == intent.trade_id and intent.amount is not None and intent.amount > trade.amount:
            return f"{plain(intent.amount)} is above the {plain(trade.amount)} that trade {trade.trade_id} holds"
    return None


def exit_taken(intent: Intent, _policy: Policy, snapshot: Snapshot) -> str | None:
    """One exit of a trade at a time: what is sold twice is not there."""
    for other in snapshot.books.under_way:
        if other.action == "exit" and other.trade_id == intent.trade_id:
            return f"intent {other.id} to leave trade {intent.trade_id} is {other.state}"
    return None


def price_known(intent: Intent, policy: Policy, snapshot: Snapshot) -> str | None:
    """What a person is shown of an exit is about the price now; later, a price that falls is no reason to stay."""
    snapshot.bot.price.known()
    return max_price_drift(intent, policy, snapshot) if intent.state == "proposed" else None
