"""Holds the books to the audit chain: an intent is what its records say, and Freqtrade's trades fit the intents."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, get_args
from uuid import UUID

from broker.audit import Record, state_record
from broker.audit_chain import Finding
from broker.intents import TAG, Intent, State, hash_of, intent_id_of, signed_content
from pilothouse.signing import canonical, instant

INTENT = "intent."
STATES = frozenset(get_args(State))
SENT: frozenset[State] = frozenset({"submitting", "submitted", "filled", "failed", "unknown"})
NOBODY = UUID(int=0)
POLICY = "policy.loaded"


@dataclass(frozen=True)
class BookedTrade:
    """What the check needs of a row in `broker.trades`. `exits`: ids of its exit orders; `is_gone`: see `gone_at`."""

    trade_id: int
    pair: str
    enter_tag: str | None
    opened_at: datetime
    is_gone: bool
    exits: list[str]


@dataclass
class Told:
    """What the records say of one intent: as it was proposed, and as it is since the latest of them."""

    seq: int
    proposed: dict[str, Any]
    latest: dict[str, Any]


@dataclass
class Story:
    """What the chain tells, record by record."""

    intents: dict[str, Told] = field(default_factory=dict[str, Told])
    doubtful: set[str] = field(default_factory=set[str])
    strategy_entries: list[tuple[datetime, str]] = field(default_factory=list[tuple[datetime, str]])

    def learn(self, record: Record, *, reliable: bool) -> None:
        """Take in one record; of what it cannot be relied on for, nothing is concluded."""
        if not reliable:
            self.doubtful.add(record.subject)
        elif record.kind == POLICY:
            self.strategy_entries.append((record.at, json.loads(record.body)["strategy_entries"]))
        elif record.kind.startswith(INTENT) and record.kind.removeprefix(INTENT) in STATES:
            self._learn_intent(record)

    def _learn_intent(self, record: Record) -> None:
        body, known = json.loads(record.body), self.intents.get(record.subject)
        self.intents[record.subject] = Told(record.seq, known.proposed if known else body, body)

    def check(self, intent: Intent) -> Finding | None:
        """Whether a stored intent is what its records say."""
        subject, told = f"intent {intent.id}", self.intents.pop(str(intent.id), None)
        if str(intent.id) in self.doubtful:
            return None
        if told is None:
            return Finding("intent_unrecorded", subject, "it is in the books, and no record says how it came there")
        if not _says(told.proposed, signed_content(intent)) or intent.hash != hash_of(intent):
            return Finding("intent_changed", subject, "what it would do is not what was proposed")
        if not _says(told.latest, state_record(intent)):
            message = f"the books say {intent.state}, and not what its latest record, {told.seq}, says"
            return Finding("intent_changed", subject, message)
        return None

    def missing(self) -> list[Finding]:
        """After every stored intent was checked: those of which only records are left."""
        return [
            Finding(
                "intent_missing", f"intent {intent_id}", f"record {told.seq} is about it, and the books have it not"
            )
            for intent_id, told in self.intents.items()
            if intent_id not in self.doubtful
        ]

    def forbade_strategy(self, at: datetime) -> bool:
        """Whether Freqtrade's own strategy was not to enter trades then."""
        said = [value for since, value in self.strategy_entries if since <= at]
        return bool(said) and said[-1] == "off"


def check_trades(trades: Sequence[BookedTrade], intents: Mapping[UUID, Intent], story: Story) -> list[Finding]:
    """Every trade is some intent's, or the strategy's where it may enter; no intent has two."""
    found = [finding for trade in trades if (finding := _check_trade(trade, intents, story)) is not None]
    counted = Counter(intent_id for trade in trades if (intent_id := intent_id_of(trade.enter_tag)) is not None)
    for intent_id, times in counted.items():
        if times > 1:
            ids = [str(trade.trade_id) for trade in trades if intent_id_of(trade.enter_tag) == intent_id]
            found.append(Finding("trade_twice", f"intent {intent_id}", f"trades {', '.join(ids)} all carry its tag"))
    return found


def check_fills(trades: Sequence[BookedTrade], intents: Iterable[Intent], *, known_at: datetime) -> list[Finding]:
    """Every fill has its trade, or its exit order; `known_at`: trades are complete up to then.

    An intent that a person resolved as filled has no fill: there is nothing to hold it to.
    """
    kept = {trade.trade_id: trade for trade in trades if not trade.is_gone}
    tagged = {intent_id_of(trade.enter_tag) for trade in kept.values()}
    filled = [intent for intent in intents if intent.fill is not None and intent.changed_at <= known_at]
    unmatched = [
        intent
        for intent in filled
        if not (intent.id in tagged if intent.action == "enter" else _was_left(kept.get(intent.trade_id or 0), intent))
    ]
    return [Finding("intent_without_trade", f"intent {each.id}", _missing(each)) for each in unmatched]


def _missing(intent: Intent) -> str:
    if intent.action == "enter":
        return "it is filled, and Freqtrade has no trade with its tag"
    return f"it is filled, and trade {intent.trade_id} has no exit order for it"


def _check_trade(trade: BookedTrade, intents: Mapping[UUID, Intent], story: Story) -> Finding | None:
    subject, opened_at = f"trade {trade.trade_id}", instant(trade.opened_at)
    if trade.enter_tag is None or not trade.enter_tag.startswith(TAG):
        if not story.forbade_strategy(trade.opened_at):
            return None
        message = f"it was opened at {opened_at} without an intent, and the policy says strategy_entries = off"
        return Finding("trade_without_intent", subject, message)
    intent = intents.get(intent_id_of(trade.enter_tag) or NOBODY)
    if intent is None or intent.action != "enter" or intent.state not in SENT or intent.pair != trade.pair:
        message = f"it was opened at {opened_at} with a tag of ours, and no intent that was sent fits it"
        return Finding("trade_without_intent", subject, message)
    return None


def _was_left(trade: BookedTrade | None, intent: Intent) -> bool:
    """By an order that was not there before the intent was sent."""
    return trade is not None and not frozenset(trade.exits) <= frozenset(intent.orders_before or ())


def _says(body: Mapping[str, Any], content: Mapping[str, Any]) -> bool:
    return canonical({name: body.get(name) for name in content}) == canonical(content)
