"""What the journal tells memory: decisions and outcomes as figures with links, in words of our own.

No free text: neither a model's reason, nor a person's note, nor a strategy's tag. So these memories are clean, also
when the thread that proposed was not. One exception: what was refused may name a pair that is made up, so any capital
letters that a tainted thread chose.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from tools.endings_client import ClosedTrade, EndedIntent
from tools.trading import known_reason

WHY = {
    "filled": "filled",
    "rejected": "rejected by a person",
    "expired": "expired: its time was over",
    "failed": "failed: nothing was traded",
}


@dataclass(frozen=True)
class Bought:
    """A trade that was bought for a user's intent, in which run and thread."""

    trade_id: int
    intent_id: UUID
    user_id: str
    run_id: str
    thread_id: str
    mode: str


def decision(intent: EndedIntent) -> dict[str, Any]:
    """The memory of an intent that ended, as `MemoryClient.save` takes it."""
    what = f"buy {intent.pair}" if intent.action == "enter" else f"sell trade {intent.trade_id} in {intent.pair}"
    base, quote = _currencies(intent.pair)
    fill = intent.fill
    figures = {
        f"stake_{quote}": intent.stake,
        f"price_seen_{quote}": intent.price_seen,
        f"amount_{base}": fill.amount if fill else intent.amount,
        f"price_{quote}": fill.price if fill else None,
        f"cost_{quote}": fill.cost if fill else None,
    }
    links = [f"intent:{intent.id}", f"run:{intent.run_id}" if intent.run_id else ""]
    return {
        "user_id": intent.user_id,
        "key": f"intent:{intent.id}",
        "kind": "decision",
        "text": f"Decision to {what}: {_why(intent)} ({_money(intent.mode)}, intent {intent.id[:8]}, "
        f"{_minute(intent.ended_at)})",
        "tainted": intent.tainted and intent.state == "refused",
        "source": _source(intent.run_id, intent.thread_id),
        "subject": _subject(intent.pair, intent.created_at, intent.ended_at, figures, links),
    }


def outcome(bought: Bought, trade: ClosedTrade) -> dict[str, Any]:
    """The memory of a trade that was closed, as `MemoryClient.save` takes it."""
    _, quote = _currencies(trade.pair)
    figures = {
        f"profit_{quote}": trade.realised_profit,
        "profit_pct": None if trade.profit_ratio is None else 100 * trade.profit_ratio,
        f"stake_{quote}": trade.stake,
        f"entry_price_{quote}": trade.open_rate,
        f"exit_price_{quote}": trade.close_rate,
        "duration_s": Decimal(int((trade.closed_at - trade.opened_at).total_seconds())),
    }
    reason = known_reason(trade.exit_reason) or "other"
    links = [f"trade:{trade.trade_id}", f"intent:{bought.intent_id}", f"run:{bought.run_id}" if bought.run_id else ""]
    return {
        "user_id": bought.user_id,
        "key": f"trade:{trade.trade_id}",
        "kind": "outcome",
        "text": f"Outcome of trade {trade.trade_id} in {trade.pair}: closed by {reason} "
        f"({_money(bought.mode)}, intent {str(bought.intent_id)[:8]}, {_minute(trade.opened_at)} to "
        f"{_minute(trade.closed_at)})",
        "tainted": False,
        "source": _source(bought.run_id, bought.thread_id),
        "subject": _subject(trade.pair, trade.opened_at, trade.closed_at, figures, links),
    }


def _why(intent: EndedIntent) -> str:
    if intent.replaced_by:
        return f"replaced by intent {intent.replaced_by[:8]}, which a person edited"
    if intent.state == "refused":
        return f"refused by the broker's limits ({', '.join(intent.refused_for)})"
    return WHY[intent.state]


def _subject(
    pair: str, since: datetime, until: datetime, figures: Mapping[str, Decimal | None], links: list[str]
) -> dict[str, Any]:
    return {
        "pair": pair,
        "since": since.isoformat(),
        "until": until.isoformat(),
        "figures": {name: f"{figure.normalize():f}" for name, figure in figures.items() if figure is not None},
        "links": [link for link in links if link],
    }


def _source(run_id: str, thread_id: str) -> dict[str, Any]:
    """Programs may name runs as they like; only ids of ours lead somewhere."""
    return {"kind": "journal", "name": "broker", "run_id": _uuid(run_id), "thread_id": _uuid(thread_id)}


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None


def _currencies(pair: str) -> tuple[str, str]:
    base, _, quote = pair.lower().partition("/")
    return base, quote


def _money(mode: str) -> str:
    return "pretended money" if mode == "dry" else "real money"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
