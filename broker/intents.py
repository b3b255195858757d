"""What the agent would like to do with money: the request, the intent it becomes, and the states it can be in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from unicodedata import category
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from broker.figures import Figure, exact, plain
from pilothouse.signing import digest, instant

State = Literal[
    "proposed",
    "refused",
    "awaiting_approval",
    "approved",
    "rejected",
    "expired",
    "submitting",
    "submitted",
    "filled",
    "failed",
    "unknown",
]
ENDS: frozenset[State] = frozenset({"refused", "rejected", "expired", "filled", "failed"})
NEXT: Mapping[State, frozenset[State]] = {
    "proposed": frozenset({"refused", "awaiting_approval", "approved"}),
    "awaiting_approval": frozenset({"approved", "rejected", "expired"}),
    "approved": frozenset({"submitting", "refused", "expired"}),
    "submitting": frozenset({"submitted", "filled", "failed", "unknown"}),
    "submitted": frozenset({"filled", "failed", "unknown"}),
    "unknown": frozenset({"submitted", "filled", "failed"}),  # by proof found later, or by a person
}
TAG = "pilothouse:"
Mode = Literal["dry", "live"]
Action = Literal["enter", "exit"]


def _visible(text: str) -> str:
    """Nothing that is not seen, or that moves what is: a person reads it to decide."""
    hidden = sorted({f"U+{ord(sign):04X}" for sign in text if category(sign) in HIDDEN})
    if hidden:
        raise ValueError(f"expected visible characters only, got {', '.join(hidden[:5])}")
    return text


def _one_line(text: str) -> str:
    return " ".join(text.split())


HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
MAX_TRADE_ID = 2**31 - 1
Positive = Annotated[Figure, BeforeValidator(exact), Field(gt=0)]
Text = Annotated[
    str, StringConstraints(max_length=1000), AfterValidator(_one_line), Field(min_length=1), AfterValidator(_visible)
]
Key = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[!-~]+$")]
RunName = Annotated[str, StringConstraints(max_length=100, pattern=r"^[!-~]*$")]
Pair = Annotated[str, StringConstraints(max_length=30, pattern=r"^[A-Z0-9]{1,15}/[A-Z0-9]{1,14}$")]


class IntentRequest(BaseModel):
    """What is proposed. `key`: the same one with the same body names the same intent."""

    model_config = ConfigDict(extra="forbid", strict=True)

    key: Key
    user_id: Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_visible)]
    thread_id: RunName = ""
    run_id: RunName = ""
    tainted: bool
    action: Action
    pair: Pair
    side: Literal["long"] = "long"
    stake: Positive | None = Field(default=None, description="What to spend, in the stake currency; entries only")
    trade_id: int | None = Field(default=None, ge=1, le=MAX_TRADE_ID, description="The trade to leave; exits only")
    amount: Positive | None = Field(default=None, description="How much of it, in the base currency; all if not given")
    price_seen: Positive = Field(description="The price the proposal was made at")
    reason: Text
    evidence: list[Text] = Field(default_factory=list[str], max_length=20)
    lifetime_s: int | None = Field(default=None, ge=1, le=7 * 86_400, description="The policy's, if not given")

    @model_validator(mode="after")
    def _fits_its_action(self) -> Self:
        if self.action == "enter" and (self.stake is None or self.trade_id is not None or self.amount is not None):
            raise ValueError("an entry has a stake, and neither trade_id nor amount")
        if self.action == "exit" and (self.trade_id is None or self.stake is not None):
            raise ValueError("an exit has a trade_id and no stake")
        return self

    @property
    def hash(self) -> str:
        """Of everything that was asked for."""
        return digest(self.model_dump(mode="json"))


@dataclass(frozen=True)
class Intent:
    """A stored intent. Figures are exact; `hash` is what a person signs."""

    id: UUID
    caller: str
    user_id: str
    key: str
    request_hash: str
    hash: str
    action: Action
    pair: str
    side: str
    stake: Decimal | None
    trade_id: int | None
    amount: Decimal | None
    price_seen: Decimal
    reason: str
    evidence: list[str]
    thread_id: str
    run_id: str
    tainted: bool
    mode: Mode
    expires_at: datetime
    state: State
    refusals: list[dict[str, str]]
    decided_by: str | None
    replaces: UUID | None
    note: str
    orders_before: list[str] | None
    fill: dict[str, Any] | None
    created_at: datetime
    changed_at: datetime
    submitted_at: datetime | None
    replaced_by: UUID | None = None

    @property
    def tag(self) -> str:
        """What Freqtrade keeps of it: the `enter_tag` of its trade."""
        return f"{TAG}{self.id}"

    @property
    def is_over(self) -> bool:
        """Nothing will change any more."""
        return self.state in ENDS


def intent_id_of(tag: str | None) -> UUID | None:
    """The intent that a trade's `enter_tag` names, if any; whether there is such an intent is another matter."""
    try:
        return UUID(tag.removeprefix(TAG)[:36]) if tag and tag.startswith(TAG) else None
    except ValueError:
        return None


def hash_of(intent: Intent) -> str:
    """SHA-256 of exactly what would be done; the id is part of it, so no two intents share a hash."""
    return digest(signed_content(intent))


def signed_content(intent: Intent) -> dict[str, Any]:
    """What an approver's signature is about, ready for `digest`."""
    return {
        "id": str(intent.id),
        "user_id": intent.user_id,
        "mode": intent.mode,
        "action": intent.action,
        "pair": intent.pair,
        "side": intent.side,
        "stake": None if intent.stake is None else plain(intent.stake),
        "trade_id": intent.trade_id,
        "amount": None if intent.amount is None else plain(intent.amount),
        "price_seen": plain(intent.price_seen),
        "reason": intent.reason,
        "evidence": intent.evidence,
        "tainted": intent.tainted,
        "expires_at": instant(intent.expires_at),
    }


def with_hash(intent: Intent) -> Intent:
    """The same intent, with the hash that fits it."""
    return replace(intent, hash=hash_of(intent))
