"""What goes in and out of hooks."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from agents.deliveries import Delivery
from agents.hooks import Hook
from agents.outcomes import Outcome
from api.schemas import Budget, ErrorDetail, Text

LONGEST_WAIT_S = 60

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Address = Annotated[str, StringConstraints(max_length=2000)]


class HookRequest(BaseModel):
    """A new hook."""

    model_config = ConfigDict(extra="forbid")

    name: Name = Field(description="the last part of its address", examples=["n8n"])
    callbacks: Address = Field(
        default="",
        description="where answers may be brought: the beginning of an address; empty: nowhere",
        examples=["http://127.0.0.1:8708/webhook-waiting/"],
    )
    deadline_s: int = Field(default=600, ge=1, le=86_400, description="seconds until a run is given up")
    max_model_calls: int = Field(default=12, ge=1, le=100)
    budget_usd: Budget | None = Field(default=None, description="no model call begins once it is used up")


class HookView(BaseModel):
    """A hook as its owner sees it."""

    name: str
    path: str = Field(examples=["/api/hooks/n8n"])
    callbacks: str
    deadline_s: int
    max_model_calls: int
    budget_usd: Decimal | None
    created_at: datetime

    @classmethod
    def of(cls, hook: Hook) -> Self:
        """Without its secret."""
        fields = {name: getattr(hook, name) for name in cls.model_fields if name != "path"}
        return cls(path=f"/api/hooks/{hook.name}", **fields)


class SecretView(HookView):
    """With its secret, shown when it is made or changed."""

    secret: str = Field(description="the key of HMAC and JWT, as n8n's credentials take it")
    standard_secret: str = Field(description="the same for libraries of Standard Webhooks")


class HookMessage(BaseModel):
    """What a call says."""

    model_config = ConfigDict(extra="forbid")

    message: Text = Field(examples=["Summarise this alert"])
    thread_id: UUID | None = Field(default=None, description="go on with a thread that this hook began")
    callback_url: Address | None = Field(default=None, description="bring the answer there when the run has ended")
    wait_s: int = Field(default=0, ge=0, le=LONGEST_WAIT_S, description="wait that long for the answer")


class HookToolCall(BaseModel):
    """A tool call and how it ended."""

    name: str
    status: str
    result: Any = None


class HookReply(BaseModel):
    """A run, ended or not."""

    run_id: UUID
    thread_id: UUID
    status: str = Field(examples=["finished"])
    status_url: str
    answer: str | None
    error: ErrorDetail | None
    cost_usd: Decimal
    tool_calls: list[HookToolCall]
    pending_approvals: list[UUID] = Field(description="intents that wait for a person's signature")

    @classmethod
    def of(cls, outcome: Outcome, hook: Hook) -> Self:
        """As stored now."""
        return cls(
            run_id=outcome.run_id,
            thread_id=outcome.thread_id,
            status=outcome.status,
            status_url=f"/api/hooks/{hook.name}/runs/{outcome.run_id}",
            answer=outcome.answer,
            error=ErrorDetail(**outcome.error) if outcome.error else None,
            cost_usd=outcome.cost_usd,
            tool_calls=[HookToolCall(**each) for each in outcome.tool_calls],
            pending_approvals=outcome.pending_approvals,
        )


class DeliveryView(BaseModel):
    """An answer that is, was, or could not be brought."""

    run_id: UUID
    hook: str
    url: str
    attempts: int
    next_at: datetime
    error: str | None
    delivered_at: datetime | None
    given_up_at: datetime | None

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """As stored."""
        fields = {name: getattr(delivery, name) for name in cls.model_fields if name != "hook"}
        return cls(hook=delivery.hook_name, **fields)
