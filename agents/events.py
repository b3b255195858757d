"""What a run tells while it runs: the union sent over SSE. Every run ends in one of the last three."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Told(BaseModel):
    """Common shape: frozen, told apart by `type`."""

    model_config = ConfigDict(frozen=True)

    type: Any


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
    """More words of an answer under way; only `message.completed` is to be trusted.

    The deltas with the id of a completed message add up to it. An id that is never completed was cut off.
    """

    type: Literal["message.delta"] = "message.delta"
    message_id: str
    text: str


class MessageCompleted(Told):
    """A whole, accepted message of the model."""

    type: Literal["message.completed"] = "message.completed"
    message_id: str
    text: str


class ToolStarted(Told):
    """A tool call begins. `step` is its place in the run, `arguments` the model's own text."""

    type: Literal["tool.started"] = "tool.started"
    step: str
    tool_call_id: str
    name: str
    arguments: Any


class ToolFinished(Told):
    """A tool call is done; `result` is what the model will read."""

    type: Literal["tool.finished"] = "tool.finished"
    step: str
    tool_call_id: str
    name: str
    arguments: Any
    status: Literal["ok", "error"]
    result: Any


class ApprovalRequested(Told):
    """An intent waits for a person until `expires_at`; a run of its own will tell what became of it."""

    type: Literal["approval.requested"] = "approval.requested"
    step: str
    intent_id: str
    summary: str
    expires_at: str


class CheckpointSaved(Told):
    """The thread's state after this run, to be looked at again."""

    type: Literal["checkpoint.saved"] = "checkpoint.saved"
    checkpoint_id: str


class UsageRecorded(Told):
    """One model call: who was asked and who served, tokens, cost, time, and how often the provider was asked."""

    type: Literal["usage.recorded"] = "usage.recorded"
    step: str
    node: str
    asked_model: str
    served_model: str
    provider: str
    prompt_tokens: int
    completion_tokens: int
    cost_usd: Decimal | None
    attempts: int = 1
    latency_ms: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0


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


class RunCancelled(Told):
    """The run was ended by a person or by a newer message; `kept`: what it did so far stays in the thread."""

    type: Literal["run.cancelled"] = "run.cancelled"
    run_id: str
    thread_id: str
    kept: bool


Event = Annotated[
    RunStarted
    | NodeStarted
    | NodeFinished
    | MessageDelta
    | MessageCompleted
    | ToolStarted
    | ToolFinished
    | ApprovalRequested
    | CheckpointSaved
    | UsageRecorded
    | RunFinished
    | RunFailed
    | RunCancelled,
    Field(discriminator="type"),
]

MESSAGE_DELTA = "message.delta"
MESSAGE_COMPLETED = "message.completed"
ONCE = (
    MESSAGE_COMPLETED,
    "tool.started",
    "tool.finished",
    "approval.requested",
    "usage.recorded",
)  # a run, however often it is begun
ENDS = ("run.finished", "run.failed", "run.cancelled")


def step_of(event: Event) -> str | None:
    """The step an event tells of, the same in every attempt; None for what each attempt tells anew."""
    if isinstance(event, MessageDelta | MessageCompleted):
        return event.message_id.partition("#")[0]
    if isinstance(event, ToolStarted | ToolFinished | ApprovalRequested | UsageRecorded):
        return event.step
    return None


def message_id_of(step: str, *, attempt: int) -> str:
    """Each attempt's words are a message of their own, so that a cut-off one is not glued to its repetition."""
    return f"{step}#{attempt}"


def coalesce(events: Sequence[Event]) -> list[Event]:
    """The same story in fewer events: neighbouring words of one message become one delta."""
    told: list[Event] = []
    for event in events:
        last = told[-1] if told else None
        if isinstance(event, MessageDelta) and isinstance(last, MessageDelta) and last.message_id == event.message_id:
            told[-1] = MessageDelta(message_id=event.message_id, text=last.text + event.text)
        else:
            told.append(event)
    return told
