"""How the broker shows an intent: everything it stores, and exactly what an approver would sign."""

from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, Field

from broker.figures import Figure, Instant
from broker.intents import Action, Intent, Mode, State, signed_content

EXAMPLE_ID = "0b7e8f56-4d0c-4b5a-9a53-0d1f5a7c2e11"


class IntentView(BaseModel):
    """An intent. `content` is what a signature is about, `hash` its SHA-256: whoever signs computes it anew."""

    id: UUID = Field(examples=[EXAMPLE_ID])
    caller: str = Field(examples=["controller"])
    user_id: str = Field(examples=["owner"])
    key: str
    request_hash: str
    hash: str
    content: dict[str, Any] = Field(examples=[{"id": EXAMPLE_ID, "pair": "ETH/USDT", "stake": "20"}])
    action: Action
    pair: str = Field(examples=["ETH/USDT"])
    side: str = Field(examples=["long"])
    stake: Figure | None = Field(description="Null for an exit", examples=["20"])
    trade_id: int | None = Field(description="Null for an entry", examples=[None])
    amount: Figure | None = Field(description="Null: all of it", examples=[None])
    price_seen: Figure = Field(examples=["3010.84"])
    reason: str = Field(description="Free text of the model", examples=["it fell for three days"])
    evidence: list[str]
    thread_id: str
    run_id: str
    tainted: bool
    mode: Mode
    expires_at: Instant
    state: State
    refusals: list[dict[str, str]]
    decided_by: str | None
    replaces: UUID | None = Field(description="The intent that a person edited into this one")
    replaced_by: UUID | None
    note: str
    orders_before: list[str] | None
    fill: dict[str, Any] | None
    created_at: Instant
    changed_at: Instant
    submitted_at: Instant | None

    @classmethod
    def of(cls, intent: Intent) -> Self:
        """A stored intent as callers see it."""
        return cls(content=signed_content(intent), **vars(intent))
