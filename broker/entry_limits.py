"""What limits entries: one small function a limit, named as its key in the policy; each says what is wrong, or not."""

from datetime import timedelta
from decimal import Decimal

from broker.figures import plain
from broker.intents import Intent
from broker.policy import Policy
from broker.snapshot import Snapshot

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOTHING = Decimal(0)


def halted(_intent: Intent, _policy: Policy, snapshot: Snapshot) -> str | None:
    """No entry while a halt is not lifted."""
    return f"halted: {snapshot.books.halted}" if snapshot.books.halted else None


def bot_enters(_intent: Intent, _policy: Policy, snapshot: Snapshot) -> str | None:
    """Freqtrade enters only while it runs."""
    state = snapshot.bot.config.known().state
    return None if state == "running" else f"Freqtrade is {state}"


def pair_allowed(intent: Intent, policy: Policy, snapshot: Snapshot) -> str | None:
    """The policy names the pair, the bot trades it, and it is paid in the bot's currency."""
    currency = snapshot.bot.config.known().stake_currency
    if not policy.allows_pair(intent.pair):
        return f"{intent.pair} is not one of allowed_pairs"
    if intent.pair not in snapshot.bot.pairs.known():
        return f"the bot does not trade {intent.pair}"
    if not intent.pair.endswith(f"/{currency}"):
        return f"{intent.pair} is not paid in {currency}"
    return None


def pair_locked(intent: Intent, _policy: Policy, snapshot: Snapshot) -> str | None:
    """Freqtrade's own locks hold for us too: its forced entries ignore them."""
    for lock in snapshot.bot.locks.known():
        if lock.active and lock.pair in (intent.pair, "*") and lock.lock_end_time > snapshot.at:
            return f"Freqtrade has locked {lock.pair} until {lock.lock_end_time:%H:%M:%S} UTC"
    return None


def pair_taken(intent: Intent, _policy: Policy, snapshot: Snapshot) -> str | None:
    """One position in a pair: what is open, under way or of unknown fate blocks it."""
    for position in snapshot.positions:
        if position.pair == intent.pair:
            return f"trade {position.trade_id} in {intent.pair} is open"
    for other in snapshot.books.under_way:
        if other.pair == intent.pair and other.state == "unknown":
            return f"the fate of intent {other.id} in {intent.pair} is unknown: a person must resolve it"
    for other in snapshot.reserved:
        if other.pair == intent.pair:
            return f"intent {other.id} in {intent.pair} is {other.state}"
    return None


def max_unknown(_intent: Intent, policy: Policy, snapshot: Snapshot) -> str | None:
    """With too many intents of unknown fate the broker halts; nothing is entered before it has."""
    unknown = [each for each in snapshot.books.under_way if each.state == "unknown"]
    return f"the fate of {len(unknown)} intents is unknown" if len(unknown) > policy.max_unknown else None


def min_stake(intent: Intent, policy: Policy, _snapshot: Snapshot) -> str | None:
    """Not less than an exchange would take."""
    stake = _stake(intent)
    return f"a stake of {plain(stake)} is below {plain(policy.min_stake)}" if stake < policy.min_stake else None


def max_stake(intent: Intent, policy: Policy, _snapshot: Snapshot) -> str | None:
    """The stake of one entry."""
    return _above("a stake of {}", _stake(intent), policy.max_stake)


def max_exposure(intent: Intent, policy: Policy, snapshot: Snapshot) -> str | None:
    """All stakes together, with those about to be placed."""
    return _above("an exposure of {}", snapshot.exposure + _stake(intent), policy.max_exposure)


def max_exposure_share(intent: Intent, policy: Policy, snapshot: Snapshot) -> str | None:
    """The same, as a share of the balance."""
    if policy.max_exposure_share is None:
        return None
    maximum = max(snapshot.bot.funds.known().total, NOTHING) * policy.max_exposure_share
    return _above("an exposure of {}", snapshot.exposure + _stake(intent), maximum)


def max_open_trades(_intent: Intent, policy: Policy, snapshot: Snapshot) -> str | None:
    """The policy's number of trades, and the bot's own."""
    bots = snapshot.bot.config.known().max_open_trades
    limits = [each for each in (policy.max_open_trades, None if bots < 0 else bots) if each is not None]
    return _above("a total of {} open trades", snapshot.open_count + 1, min(limits, default=None))


def min_free_balance(intent: Intent, policy: Policy, snapshot: Snapshot) -> str | None:
    """What must stay free after it."""
    left = snapshot.free - _stake(intent)
    return (
        f"{plain(left)} would stay free, the limit is {plain(policy.min_free_balance)}"
        if left < policy.min_free_balance
        else None
    )


def max_orders_per_hour(_intent: Intent, policy: Policy, snapshot: Snapshot) -> str | None:
    """Entries within an hour, those of the strategy too."""
    return _above("a total of {} entries within an hour", snapshot.entries_within(HOUR) + 1, policy.max_orders_per_hour)


def max_orders_per_day(_intent: Intent, policy: Policy, snapshot: Snapshot) -> str | None:
    """Entries within 24 hours, those of the strategy too."""
    return _above("a total of {} entries within a day", snapshot.entries_within(DAY) + 1, policy.max_orders_per_day)


def max_loss_per_day(_intent: Intent, policy: Policy, snapshot: Snapshot) -> str | None:
    """What today may cost, realised and open."""
    return loss_today(policy, snapshot)


def loss_today(policy: Policy, snapshot: Snapshot) -> str | None:
    """Why today cost too much already, whatever anybody intends."""
    if policy.max_loss_per_day is None or -snapshot.result_today < policy.max_loss_per_day:
        return None
    return f"today's result is {plain(snapshot.result_today)}, the limit a loss of {plain(policy.max_loss_per_day)}"


def cooldown_after_loss(_intent: Intent, policy: Policy, snapshot: Snapshot) -> str | None:
    """No entry right after a loss."""
    lost_at, rest = snapshot.last_loss_at, timedelta(seconds=policy.cooldown_after_loss_s)
    if lost_at is None or snapshot.at >= lost_at + rest:
        return None
    return f"a trade was closed at a loss at {lost_at:%H:%M:%S} UTC; entries rest until {lost_at + rest:%H:%M:%S}"


def max_price_drift(intent: Intent, policy: Policy, snapshot: Snapshot) -> str | None:
    """The price is about what it was when the intent was made."""
    price, seen = snapshot.bot.price.known(), intent.price_seen
    if abs(price - seen) <= policy.max_price_drift * seen:
        return None
    return f"the price is {plain(price)}, {plain(seen)} was seen: more than a share of {plain(policy.max_price_drift)}"


def quiet_hours(_intent: Intent, policy: Policy, snapshot: Snapshot) -> str | None:
    """Times of day without entries."""
    return "it is within quiet_hours" if policy.is_quiet(snapshot.at) else None


def _stake(intent: Intent) -> Decimal:
    return intent.stake or NOTHING


def _above(what: str, figure: Decimal | int, maximum: Decimal | int | None) -> str | None:
    if maximum is None or figure <= maximum:
        return None
    return f"{what.format(plain(Decimal(figure)))} is above the limit of {plain(Decimal(maximum))}"
