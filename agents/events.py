"""What a run tells while it runs: the union sent over SSE. Every run ends in `run.finished` or `run.failed`."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Told(BaseModel):
    """Common shape: frozen, told apart by `type`."""

    model_config = ConfigDict(frozen=True)


class RunStarted(Told):
    """The run is stored and has its thread."""

    type: Literal["run.started"] = "run.started"
    run_id: str
    thread_id: str
    model: str
    rehearsal: bool
    notice: str


class NodeStarted(Told):
    """A node of the graph begins."""

    type: Literal["node.started"] = "node.started"
    node: str


class NodeFinished(Told):
    """A node of the graph is done."""

    type: Literal["node.finished"] = "node.finished"
    node: str
    duration_ms: int


class MessageDelta(Told):
    """More words of an answer under way; only `message.completed` is to be trusted."""

    type: Literal["message.delta"] = "message.delta"
    text: str


class MessageCompleted(Told):
    """A whole, accepted message of the model."""

    type: Literal["message.completed"] = "message.completed"
    text: str


class ToolStarted(Told):
    """A tool call begins. `arguments` is the model's own text."""

    type: Literal["tool.started"] = "tool.started"
    tool_call_id: str
    name: str
    arguments: Any


class ToolFinished(Told):
    """A tool call is done; `result` is what the model will read."""

    type: Literal["tool.finished"] = "tool.finished"
    tool_call_id: str
    name: str
    status: Literal["ok", "error"]
    result: Any


class UsageRecorded(Told):
    """One model call: asked, served, provider, tokens, cost."""

    type: Literal["usage.recorded"] = "usage.recorded"
    node: str
    asked_model: str
    served_model: str
    provider: str
    prompt_tokens: int
    completion_tokens: int
    cost_usd: Decimal | None


class RunFinished(Told):
    """The run ended with an answer."""

    type: Literal["run.finished"] = "run.finished"
    run_id: str
    thread_id: str
    answer: str
    cost_usd: Decimal


class RunFailed(Told):
    """The run ended without an answer; `error` says why and what to do."""

    type: Literal["run.failed"] = "run.failed"
    run_id: str
    thread_id: str
    error: dict[str, Any]


Event = Annotated[
    RunStarted
    | NodeStarted
    | NodeFinished
    | MessageDelta
    | MessageCompleted
    | ToolStarted
    | ToolFinished
    | UsageRecorded
    | RunFinished
    | RunFailed,
    Field(discriminator="type"),
]
