"""What goes in and out of the API."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from agents.leases import Limits
from agents.runs import IfBusy
from agents.store import Run

MAX_MESSAGE_CHARS = 32_000

EXAMPLE_RUN = "0b9f6c0e-6f0e-4c52-9d43-2f5d5f8f8a11"
EXAMPLE_THREAD = "6f1c2f1e-4b8f-4d0a-8a51-6a3f0c9b7d22"


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the NUL character")
    return text


Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_MESSAGE_CHARS),
    AfterValidator(_without_nul),  # PostgreSQL cannot hold it
]
Budget = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=6, examples=["0.50"])]


class ErrorDetail(BaseModel):
    """What went wrong and what to do next."""

    code: str = Field(examples=["conflict"])
    message: str = Field(examples=["thread is busy with another run"])
    hint: str = Field(examples=["wait for it to end"])


class ErrorView(BaseModel):
    """Every error has this shape."""

    error: ErrorDetail


class ChatRequest(BaseModel):
    """One message to the agent, and what its run may use."""

    model_config = ConfigDict(extra="forbid")

    message: Text = Field(examples=["How is my bot doing?"])
    thread_id: UUID | None = Field(default=None, description="leave out to start a new thread", examples=[None])
    if_busy: IfBusy = Field(
        default="reject",
        description="while another run holds the thread: refuse, wait for it, cancel it and keep what it did,"
        " or cancel it and take back what it did",
    )
    deadline_s: int = Field(default=600, ge=1, le=86_400, description="seconds until the run is given up")
    max_model_calls: int = Field(default=12, ge=1, le=100, description="then the run is given up")
    budget_usd: Budget | None = Field(default=None, description="no model call begins once it is used up")

    def limits(self) -> Limits:
        """What the run may use."""
        return Limits(deadline_s=self.deadline_s, max_model_calls=self.max_model_calls, budget_usd=self.budget_usd)


class RunRequest(ChatRequest):
    """One message to the agent, whose answer nobody may be waiting for."""

    background: bool = Field(default=False, description="leave it to whichever worker has a hand free")


class ToolCallView(BaseModel):
    """One tool call and how it ended."""

    id: str = Field(examples=["call_1"])
    name: str = Field(examples=["freqtrade_get_status"])
    arguments: Any = Field(default=None, examples=[{}])
    status: Literal["ok", "error"] | None = Field(default=None, examples=["ok"])
    result: Any = Field(default=None, examples=[{"trades": []}])


class ModelCallView(BaseModel):
    """One model call: who was asked and who served, tokens, cost, time, and how often the provider was asked."""

    node: str = Field(examples=["think"])
    asked_model: str = Field(examples=["openai/gpt-4.1-mini"])
    served_model: str = Field(examples=["openai/gpt-4.1-mini"])
    provider: str = Field(examples=["OpenAI"])
    prompt_tokens: int = Field(examples=[812])
    cached_tokens: int = Field(default=0, examples=[512])
    completion_tokens: int = Field(examples=[64])
    reasoning_tokens: int = Field(default=0, examples=[0])
    cost_usd: Decimal | None = Field(description="null: the provider did not say", examples=["0.00042"])
    latency_ms: int = Field(default=0, examples=[900])
    attempts: int = Field(default=1, examples=[1])


class ChatReply(BaseModel):
    """The whole answer."""

    run_id: UUID = Field(examples=[EXAMPLE_RUN])
    thread_id: UUID = Field(examples=[EXAMPLE_THREAD])
    answer: str = Field(examples=["No open trades; the balance is 1000 USDT."])
    model: str = Field(examples=["pilothouse/rehearsal"])
    cost_usd: Decimal = Field(examples=["0.00042"])
    tool_calls: list[ToolCallView]
    model_calls: list[ModelCallView]
    rehearsal: bool = Field(examples=[True])
    notice: str = Field(examples=["rehearsal model: set OPENROUTER_API_KEY for a real one"])


class MessageView(BaseModel):
    """One message of a thread."""

    run_id: UUID | None = Field(description="the run it came from", examples=[EXAMPLE_RUN])
    role: Literal["user", "assistant", "tool"]
    content: str
    tool_calls: list[ToolCallView] | None = None
    tool_call_id: str | None = None
    name: str | None = None
    status: Literal["ok", "error"] | None = None


class RunView(BaseModel):
    """A run's metadata."""

    run_id: UUID
    thread_id: UUID
    message: str = Field(examples=["How is my bot doing?"])
    status: str = Field(examples=["finished"])
    model: str
    cost_usd: Decimal
    error: ErrorDetail | None = None
    created_at: datetime
    ended_at: datetime | None
    tells_of: UUID | None = Field(default=None, description="the intent it tells what became of; null for all others")

    @classmethod
    def of(cls, run: Run) -> Self:
        """A stored run as people see it."""
        return cls(
            run_id=run.id,
            thread_id=run.thread_id,
            message=run.message,
            status=run.status,
            model=run.model,
            cost_usd=run.cost_usd,
            error=ErrorDetail(**run.error) if run.error else None,
            created_at=run.created_at,
            ended_at=run.ended_at,
            tells_of=run.tells_of,
        )


class ThreadSummary(BaseModel):
    """A thread in a list."""

    thread_id: UUID
    tainted: bool
    created_at: datetime


class ThreadView(BaseModel):
    """A thread with its messages and runs."""

    thread_id: UUID
    tainted: bool = Field(description="holds text that others wrote; money needs a human here")
    created_at: datetime
    messages: list[MessageView]
    runs: list[RunView]


class DependencyView(BaseModel):
    """One dependency's state."""

    name: str = Field(examples=["broker"])
    state: Literal["ok", "degraded", "down"]
    latency_ms: int = Field(examples=[3])
    detail: str = Field(default="", examples=["freqtrade running, dry run"])


class ReadyView(BaseModel):
    """The whole stack's state as the controller sees it."""

    status: Literal["ok", "degraded", "down"]
    dependencies: list[DependencyView]


class LiveView(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"
