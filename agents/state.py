"""What a thread remembers from step to step. Everything here is written into checkpoints: no secrets."""

from collections.abc import Sequence
from typing import Annotated, NotRequired, TypedDict

from langchain_core.messages import AnyMessage, RemoveMessage
from langgraph.graph.message import add_messages


class State(TypedDict):
    """The controller's state."""

    messages: Annotated[list[AnyMessage], add_messages]  # the newest turns; all of them are in the transcript
    left_out: NotRequired[int]  # messages of this thread that came before them
    memories: NotRequired[str]  # recalled for this turn, rendered and fenced as data
    recalled: NotRequired[list[str]]  # the ids of these memories
    rounds: NotRequired[int]  # model calls in this turn
    tells_of: NotRequired[str]  # the intent whose fate this turn is about; empty in others


class Update(TypedDict, total=False):
    """What a node may change."""

    messages: Sequence[AnyMessage | RemoveMessage]
    left_out: int
    memories: str
    recalled: list[str]
    rounds: int


class PendingCall(TypedDict):
    """One tool call, sent to `act` as a task of its own."""

    step: str  # its place in the run: model round and position, the same in every rerun
    id: str  # the model's; not trusted to be unique
    name: str
    arguments: str  # the model's own JSON text


class SentCall(PendingCall):
    """The same, with what decides where the graph goes on when all calls of the answer are done."""

    beside: list[str]  # the tools of all calls in the answer, its own too
