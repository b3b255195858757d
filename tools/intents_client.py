"""Intents as a client of the broker sees them. Figures are text holding exact decimals."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from tools.broker_client import TradingClient

OVER = frozenset({"refused", "rejected", "expired", "filled", "failed"})


class Refusal(BaseModel):
    """One reason against it."""

    code: str
    message: str


class Intent(BaseModel):
    """What was proposed, and what has become of it so far. What a model wrote about it is left out."""

    id: str
    action: str
    pair: str
    stake: str | None
    trade_id: int | None
    amount: str | None
    price_seen: str
    mode: str
    state: str
    refusals: list[Refusal]
    decided_by: str | None
    fill: dict[str, Any] | None
    replaced_by: str | None
    created_at: datetime
    expires_at: datetime

    @property
    def is_over(self) -> bool:
        """Nothing will change any more."""
        return self.state in OVER

    @property
    def summary(self) -> str:
        """In one line, for people."""
        if self.action == "enter":
            return f"buy {self.pair} for {self.stake} at about {self.price_seen} (intent {self.id})"
        share = f"{self.amount} of" if self.amount else "all of"
        return f"sell {share} trade {self.trade_id}, {self.pair}, at about {self.price_seen} (intent {self.id})"


class Intents(BaseModel):
    """The newest first."""

    intents: list[Intent]


class LimitsView(BaseModel):
    """The policy as it is, and how much of it is used."""

    policy: dict[str, Any]
    used: dict[str, Any]


@dataclass(frozen=True)
class IntentsClient:
    """The broker's routes about intents."""

    broker: TradingClient

    async def propose(self, request: Mapping[str, Any]) -> Intent:
        """The intent this request became, now or before."""
        return await self.broker.ask("/intents", Intent, body=request)

    async def get(self, intent_id: str, *, user_id: str) -> Intent:
        """One intent of a user."""
        return await self.broker.ask(f"/intents/{intent_id}", Intent, {"user_id": user_id})

    async def with_key(self, key: str, *, user_id: str) -> Intent | None:
        """What was proposed with this key before, if anything was."""
        found = await self.broker.ask("/intents", Intents, {"user_id": user_id, "key": key})
        return next(iter(found.intents), None)

    async def newest(self, *, user_id: str, limit: int) -> Intents:
        """A user's newest intents."""
        return await self.broker.ask("/intents", Intents, {"user_id": user_id, "limit": limit})

    async def limits(self) -> LimitsView:
        """What the policy allows."""
        return await self.broker.ask("/limits", LimitsView)
