"""Decisions as a client of the broker sees them, for people: everything that is signed, carried through unchanged."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from tools.broker_client import TradingClient


class IntentView(BaseModel):
    """What is to be done with money, and how far it came. `content` is what an approver signs the SHA-256 of."""

    id: UUID
    user_id: str = Field(examples=["owner"])
    hash: str
    content: dict[str, Any]
    action: str = Field(examples=["enter"])
    pair: str = Field(examples=["ETH/USDT"])
    side: str = Field(examples=["long"])
    stake: str | None = Field(examples=["20"])
    trade_id: int | None
    amount: str | None
    price_seen: str = Field(examples=["3010.84"])
    reason: str
    evidence: list[str]
    thread_id: str
    run_id: str
    tainted: bool
    mode: str = Field(examples=["dry"])
    expires_at: datetime
    state: str = Field(examples=["awaiting_approval"])
    refusals: list[dict[str, str]]
    decided_by: str | None
    replaces: UUID | None
    replaced_by: UUID | None
    note: str
    fill: dict[str, Any] | None
    created_at: datetime
    changed_at: datetime
    submitted_at: datetime | None


class IntentsView(BaseModel):
    """A user's intents, the newest first."""

    intents: list[IntentView]


class Change(BaseModel):
    """One field of what is signed, before an edit and after it."""

    before: Any
    after: Any


class DecisionView(IntentView):
    """The intent after the decision. After an edit: the one that took its place, and what it would do differently."""

    edited: IntentView | None
    changes: dict[str, Change] = Field(examples=[{"stake": {"before": "20", "after": "10"}}])


class LinkView(BaseModel):
    """A fresh link: its token is told this once."""

    token: str
    expires_at: datetime


class Offer(BaseModel):
    """What a link is about, and why it may not approve it, if it may not."""

    intent: IntentView
    only_reject: str


class ApproverView(BaseModel):
    """A paired key; once revoked, nothing it signs counts."""

    id: UUID
    name: str = Field(examples=["ada"])
    public_key: str
    paired_at: datetime
    revoked_at: datetime | None


class ApproversView(BaseModel):
    """Everybody who was ever paired."""

    approvers: list[ApproverView]


class Pairing(BaseModel):
    """A public key to be paired, with proof that the pairing secret was at hand."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(examples=["ada"])
    public_key: str = Field(description="P-256, uncompressed point in hex")
    proof: str = Field(description="HMAC-SHA256 of name and public_key under the pairing secret, in hex")


class SignedStatement(BaseModel):
    """One decision, signed with an approver's key. `expires_at` stays text, so that it is signed as it is sent."""

    model_config = ConfigDict(extra="forbid")

    public_key: str
    subject: str = Field(description="The SHA-256 of an intent's content, or the id of what it is about")
    decision: str = Field(examples=["approve"])
    nonce: str
    expires_at: str = Field(examples=["2026-11-24T08:10:00.000000+00:00"])
    details: dict[str, str] = Field(default_factory=dict[str, str])
    signature: str


@dataclass(frozen=True)
class ApprovalsClient:
    """The broker's routes about decisions; it takes the same signed statement for one, however often it comes."""

    broker: TradingClient

    async def newest(self, *, user_id: str, states: Sequence[str] = (), limit: int = 50) -> IntentsView:
        """A user's intents, the newest first; only those in `states`, if given."""
        return await self.broker.ask("/intents", IntentsView, {"user_id": user_id, "limit": limit, "state": states})

    async def show(self, intent_id: UUID, *, user_id: str) -> IntentView:
        """One intent of a user."""
        return await self.broker.ask(f"/intents/{intent_id}", IntentView, {"user_id": user_id})

    async def decide(self, intent_id: UUID, signed: SignedStatement, *, user_id: str) -> DecisionView:
        """Hand on a signed decision."""
        path, query = f"/intents/{intent_id}/decision", {"user_id": user_id}
        return await self.broker.ask(path, DecisionView, query, body=signed.model_dump())

    async def approvers(self) -> ApproversView:
        """Who may decide."""
        return await self.broker.ask("/approvers", ApproversView)

    async def pair(self, pairing: Pairing) -> ApproverView:
        """Hand on a public key and its proof."""
        return await self.broker.ask("/approvers", ApproverView, body=pairing.model_dump())

    async def revoke(self, approver_id: UUID, signed: SignedStatement) -> ApproverView:
        """Hand on a signed revocation."""
        return await self.broker.ask(f"/approvers/{approver_id}/revoke", ApproverView, body=signed.model_dump())

    async def mint(self, intent_id: UUID, *, user_id: str) -> LinkView:
        """A link for an intent that waits; one too many does no harm."""
        return await self.broker.ask(f"/intents/{intent_id}/links", LinkView, {"user_id": user_id}, body={})

    async def look(self, token: str) -> Offer:
        """What a link is about."""
        return await self.broker.ask(f"/links/{token}", Offer)

    async def use(self, token: str, decision: str) -> IntentView:
        """Decide with a link: `approve` or `reject`."""
        return await self.broker.ask(f"/links/{token}/{decision}", IntentView, body={})
