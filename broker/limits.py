"""The limits: one small function each, which says why an intent is refused, or nothing.

What a limit needs and is not known is a refusal too (`no_data`). Exits are never held back by what limits entries, nor
by a halt. Pure: everything comes from the intent, the policy and the snapshot.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from broker import entry_limits as entries
from broker import exit_limits as exits
from broker.bot_side import NoDataError
from broker.intents import Intent
from broker.policy import Policy
from broker.snapshot import Snapshot

NOTHING = Decimal(0)
NO_DATA = "no_data"  # the code of whatever could not be judged


@dataclass(frozen=True)
class Refusal:
    """One reason; `code` is stable, `message` is for people."""

    code: str
    message: str


Limit = Callable[[Intent, Policy, Snapshot], str | None]


def refusals(intent: Intent, policy: Policy, snapshot: Snapshot) -> list[Refusal]:
    """Every reason against it, not the first; none if it is within all limits."""
    limits = ENTRY_LIMITS if intent.action == "enter" else EXIT_LIMITS
    return list(dict.fromkeys(_found(limits, intent, policy, snapshot)))


def needs_person(intent: Intent, policy: Policy, snapshot: Snapshot) -> bool:
    """Whether a person must decide: always, but for what a stated allowance covers in a dry, untainted thread."""
    if intent.mode == "live" or policy.mode == "live" or intent.tainted or intent.replaces is not None:
        return True
    if intent.action == "exit":
        return policy.exit_approval == "human"
    stake, spent = intent.stake or NOTHING, snapshot.books.allowed_today
    within = stake <= policy.allowance_stake and spent + stake <= policy.allowance_stake_per_day
    return policy.entry_approval == "human" or not within


def _found(limits: dict[str, Limit], intent: Intent, policy: Policy, snapshot: Snapshot) -> Iterator[Refusal]:
    for code, limit in limits.items():
        try:
            problem = limit(intent, policy, snapshot)
        except NoDataError as error:
            yield Refusal(NO_DATA, error.message)
            continue
        if problem:
            yield Refusal(code, problem)


def mode(intent: Intent, policy: Policy, snapshot: Snapshot) -> str | None:
    """Intent, policy and bot agree on whether the money is real."""
    bot = "dry" if snapshot.bot.config.known().dry_run else "live"
    if intent.mode == policy.mode == bot:
        return None
    return f"the intent is {intent.mode}, the policy {policy.mode}, the bot {bot}"


def intent_lifetime(intent: Intent, policy: Policy, _snapshot: Snapshot) -> str | None:
    """How long an answer may take."""
    lifetime = (intent.expires_at - intent.created_at).total_seconds()
    return f"it would live {lifetime:.0f} s" if lifetime > policy.intent_lifetime_s else None


def expired(intent: Intent, _policy: Policy, snapshot: Snapshot) -> str | None:
    """No answer in time means no trade."""
    return f"it expired at {intent.expires_at:%H:%M:%S} UTC" if snapshot.at >= intent.expires_at else None


ALWAYS: dict[str, Limit] = {"mode": mode, "intent_lifetime": intent_lifetime, "expired": expired}
ENTRY_LIMITS: dict[str, Limit] = ALWAYS | {
    "halted": entries.halted,
    "bot_state": entries.bot_enters,
    "allowed_pairs": entries.pair_allowed,
    "pair_locked": entries.pair_locked,
    "pair_taken": entries.pair_taken,
    "max_unknown": entries.max_unknown,
    "min_stake": entries.min_stake,
    "max_stake": entries.max_stake,
    "max_exposure": entries.max_exposure,
    "max_exposure_share": entries.max_exposure_share,
    "max_open_trades": entries.max_open_trades,
    "min_free_balance": entries.min_free_balance,
    "max_orders_per_hour": entries.max_orders_per_hour,
    "max_orders_per_day": entries.max_orders_per_day,
    "max_loss_per_day": entries.max_loss_per_day,
    "cooldown_after_loss": entries.cooldown_after_loss,
    "max_price_drift": entries.max_price_drift,
    "quiet_hours": entries.quiet_hours,
}
EXIT_LIMITS: dict[str, Limit] = ALWAYS | {
    "bot_state": exits.bot_leaves,
    "trade_open": exits.trade_open,
    "amount": exits.amount,
    "exit_taken": exits.exit_taken,
    "max_price_drift": exits.price_known,
}
