"""Halts as a client of the broker sees them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from tools.approvals_client import SignedStatement
from tools.broker_client import TradingClient


class HaltView(BaseModel):
    """A halt that is not lifted. `id` is what an approver signs to lift it."""

    id: UUID
    reason: str = Field(examples=["prices look wrong"])
    halted_by: str = Field(examples=["owner"])
    halted_at: datetime


class HaltState(BaseModel):
    """Whether entries are stopped; null when they are not."""

    halt: HaltView | None


class HaltRequest(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500, examples=["prices look wrong"])


@dataclass(frozen=True)
class HaltsClient:
    """The broker's routes about halts; to halt twice is to halt once."""

    broker: TradingClient

    async def current(self) -> HaltState:
        """Whether entries are stopped, and why."""
        return await self.broker.ask("/halt", HaltState)

    async def halt(self, reason: str, *, user_id: str) -> HaltState:
        """Stop all entries."""
        return await self.broker.ask("/halt", HaltState, body={"reason": reason, "user_id": user_id})

    async def resume(self, signed: SignedStatement) -> HaltState:
        """Hand on the signature that lets them go on."""
        return await self.broker.ask("/halt/resume", HaltState, body=signed.model_dump())
