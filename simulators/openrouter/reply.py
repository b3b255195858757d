"""What a model says, before it is put on the wire: text, tool calls, and how the answer ends."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

WORDS_PER_CHUNK = 3
ARGUMENT_CHARACTERS_PER_CHUNK = 12

Ending = Literal["clean", "unfinished", "error", "dropped", "garbage"]


@dataclass(frozen=True)
class ToolCall:
    """A call as the model writes it: the arguments are text, which need not be JSON."""

    name: str
    arguments: str
    id: str = field(default_factory=lambda: f"call_{secrets.token_hex(12)}")

    @classmethod
    def of(cls, name: str, **arguments: Any) -> "ToolCall":
        """A well-formed call."""
        return cls(name, json.dumps(arguments, ensure_ascii=False))

    def wire(self) -> dict[str, Any]:
        """As it stands in a message."""
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments}}


@dataclass(frozen=True)
class Reply:
    """An answer and the way it travels. Defaults are those of a model that behaves."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None  # None: `tool_calls` or `stop`, as fits
    ending: Ending = "clean"
    first_byte_after_s: float = 0
    comments_for_s: float = 0
    pause_s: float = 0

    @property
    def finish(self) -> str | None:
        """The finish_reason a client sees."""
        if self.ending == "unfinished":
            return None
        return self.finish_reason or ("tool_calls" if self.calls else "stop")

    @property
    def produced(self) -> str:
        """Everything that costs completion tokens."""
        return self.text + "".join(call.name + call.arguments for call in self.calls)


def deltas(reply: Reply) -> Iterator[tuple[dict[str, Any], str]]:
    """The answer in small pieces, each with the text it costs."""
    words = reply.text.split(" ") if reply.text else []
    for start in range(0, len(words), WORDS_PER_CHUNK):
        piece = (" " if start else "") + " ".join(words[start : start + WORDS_PER_CHUNK])
        yield {"role": "assistant", "content": piece}, piece
    for index, call in enumerate(reply.calls):
        yield from _call_deltas(index, call)


def _call_deltas(index: int, call: ToolCall) -> Iterator[tuple[dict[str, Any], str]]:
    head = {"index": index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
    yield {"role": "assistant", "content": None, "tool_calls": [head]}, call.name
    for start in range(0, len(call.arguments), ARGUMENT_CHARACTERS_PER_CHUNK):
        piece = call.arguments[start : start + ARGUMENT_CHARACTERS_PER_CHUNK]
        part = {"index": index, "function": {"arguments": piece}}
        yield {"tool_calls": [part]}, piece
