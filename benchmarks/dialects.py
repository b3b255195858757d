"""How each server is asked for a turn, and what of its stream is the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

import orjson

from benchmarks.sse import WHOLE, Event

MODEL_WORDS = {"AIMessageChunk", "ai"}


@dataclass
class Turn:
    """One question and what came of it. `thread`: where the next question goes on."""

    thread: str | None = None
    text: str = ""
    ended: bool = False
    error: str = ""
    first_word_s: float = 0
    total_s: float = 0


@dataclass(frozen=True)
class Request:
    """One POST. `thread`: known before the server says so."""

    url: str
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    thread: str | None = None


class Dialect(Protocol):
    """A server's way of being asked."""

    def request(self, message: str, thread: str | None) -> Request:
        """The question, on a thread or on a fresh one."""
        ...

    def read(self, event: Event, turn: Turn) -> None:
        """Take from one event what belongs to the turn."""
        ...


@dataclass(frozen=True)
class Target:
    """Who is asked what, and which answer counts."""

    dialect: Dialect
    message: str
    is_whole: Callable[[str], bool]


@dataclass(frozen=True)
class Pilothouse:
    """Our public API."""

    url: str
    key: str

    def request(self, message: str, thread: str | None) -> Request:
        """POST /api/chat; a fresh thread is the server's to name."""
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "text/event-stream"}
        body = {"message": message} | ({"thread_id": thread} if thread else {})
        return Request(f"{self.url}/api/chat", body, headers, thread)

    def read(self, event: Event, turn: Turn) -> None:
        """The words as they are streamed; the end repeats them, so a lost one shows."""
        match event.name:
            case "message.delta":
                turn.text += orjson.loads(event.data)["text"]
            case "run.started":
                turn.thread = orjson.loads(event.data)["thread_id"]
            case "run.finished":
                turn.ended = orjson.loads(event.data)["answer"] == turn.text
            case "run.failed" | "run.cancelled":
                turn.error = event.data.decode()
            case _:
                pass


@dataclass(frozen=True)
class LangGraph:
    """The API of LangGraph's servers, as their own SDK speaks it."""

    url: str
    assistant: str = "agent"

    def request(self, message: str, thread: str | None) -> Request:
        """A streamed run; the thread is made with it, which saves the peers a request a turn."""
        thread = thread or str(uuid4())
        body = {
            "assistant_id": self.assistant,
            "input": {"messages": [{"role": "user", "content": message}]},
            "stream_mode": ["messages-tuple"],
            "if_not_exists": "create",
        }
        return Request(f"{self.url}/threads/{thread}/runs/stream", body, thread=thread)

    def read(self, event: Event, turn: Turn) -> None:
        """Pieces of messages; of those, the model's."""
        if event.name == "error":
            turn.error = event.data.decode()
        if event.name != "messages":
            return
        piece = orjson.loads(event.data)[0]
        if piece["type"] in MODEL_WORDS:
            turn.text += piece["content"]
            turn.ended = turn.ended or piece["response_metadata"].get("finish_reason") == "stop"


@dataclass(frozen=True)
class Floor:
    """The bare handler, which passes the provider's own stream on."""

    url: str

    def request(self, message: str, thread: str | None) -> Request:
        """It knows no threads."""
        return Request(f"{self.url}/turn", {"message": message}, thread=thread)

    def read(self, event: Event, turn: Turn) -> None:
        """OpenAI's chunks."""
        _read_chunk(event, turn)


@dataclass(frozen=True)
class OpenAI:
    """OpenAI's protocol, streamed or not."""

    url: str  # ends before /chat/completions
    headers: Mapping[str, str]
    model: str
    streamed: bool

    def request(self, message: str, thread: str | None) -> Request:
        """It knows no threads."""
        body = {"model": self.model, "messages": [{"role": "user", "content": message}], "stream": self.streamed}
        return Request(f"{self.url}/chat/completions", body, self.headers, thread)

    def read(self, event: Event, turn: Turn) -> None:
        """The chunks of a stream, or the one answer."""
        if event.name != WHOLE:
            _read_chunk(event, turn)
            return
        choice = orjson.loads(event.data)["choices"][0]
        turn.text, turn.ended = choice["message"]["content"], choice["finish_reason"] == "stop"


def _read_chunk(event: Event, turn: Turn) -> None:
    if event.data == b"[DONE]":
        turn.ended = True
        return
    chunk = orjson.loads(event.data)
    if error := chunk.get("error"):
        turn.error = str(error)
    for choice in chunk["choices"]:
        turn.text += choice["delta"].get("content") or ""
