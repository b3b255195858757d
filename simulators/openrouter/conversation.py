"""What a chat request says: who asked what last, which tools are offered, what they answered in this turn."""

import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field

RECALLED = re.compile(r"<user_memories\b[^>]*>(.*?)</user_memories>", re.DOTALL)


class Message(BaseModel):
    """One message of the request; content is text or a list of parts."""

    model_config = ConfigDict(extra="allow")

    role: str
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    name: str | None = None

    @property
    def text(self) -> str:
        """The words, whichever way they were sent."""
        if self.content is None or isinstance(self.content, str):
            return self.content or ""
        return "\n".join(str(part.get("text", "")) for part in self.content)


class ChatRequest(BaseModel):
    """The body of POST /chat/completions: what the twin reads of it; the rest is accepted and ignored."""

    model_config = ConfigDict(extra="allow")

    model: str
    messages: list[Message] = Field(min_length=1)
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None
    stream: bool = False
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    seed: int | None = None


@dataclass(frozen=True)
class ToolResult:
    """What one tool answered: the name it was called by, and its text."""

    name: str
    text: str

    @property
    def data(self) -> Any:
        """The text as JSON, or the text itself."""
        try:
            return json.loads(self.text)
        except ValueError:
            return self.text


@dataclass(frozen=True)
class Conversation:
    """A request, read the way the rehearsal and fault models need it."""

    question: str
    tools: dict[str, dict[str, Any]]  # name -> JSON schema of the arguments
    forced: str | None  # the tool that must be called
    wanted: dict[str, Any] | None  # JSON schema of the answer
    results: Sequence[ToolResult]
    rounds: int  # how often this turn has called tools already
    memories: Sequence[str]  # recalled ones that stand in the prompt
    system: str
    everything: str  # all text, to seed and to count
    seed: int | None
    streamed: bool


def read(request: ChatRequest) -> Conversation:
    """Look at the whole request once."""
    turn = _turn(request.messages)
    texts = [message.text for message in request.messages]
    return Conversation(
        question=_question(request.messages),
        tools=_tools(request),
        forced=_forced(request),
        wanted=_wanted(request),
        results=_results(turn),
        rounds=sum(1 for message in turn if message.tool_calls),
        memories=[line for text in texts for block in RECALLED.findall(text) for line in _lines(block)],
        system="\n".join(message.text for message in request.messages if message.role in {"system", "developer"}),
        everything="\n".join(texts),
        seed=request.seed,
        streamed=request.stream,
    )


def _asks(message: Message) -> bool:
    return message.role == "user" and bool(RECALLED.sub("", message.text).strip())


def _turn(messages: Sequence[Message]) -> list[Message]:
    last = max((index for index, message in enumerate(messages) if _asks(message)), default=-1)
    return list(messages[last + 1 :])


def _question(messages: Sequence[Message]) -> str:
    asked = [RECALLED.sub("", message.text).strip() for message in messages if _asks(message)]
    return asked[-1] if asked else ""


def _tools(request: ChatRequest) -> dict[str, dict[str, Any]]:
    if request.tool_choice == "none":
        return {}
    functions = [cast("dict[str, Any]", tool.get("function", {})) for tool in request.tools or []]
    return {str(each["name"]): each.get("parameters") or {} for each in functions if each.get("name")}


def _forced(request: ChatRequest) -> str | None:
    named = (
        cast("dict[str, Any]", request.tool_choice.get("function", {})) if isinstance(request.tool_choice, dict) else {}
    )
    return named.get("name")


def _wanted(request: ChatRequest) -> dict[str, Any] | None:
    """Only a schema binds; `json_object` is left to the prompt."""
    asked = request.response_format or {}
    return cast("dict[str, Any]", asked.get("json_schema", {})).get("schema")


def _results(turn: Sequence[Message]) -> list[ToolResult]:
    names = {
        str(call.get("id")): str(call.get("function", {}).get("name", ""))
        for message in turn
        for call in message.tool_calls or []
    }
    return [
        ToolResult(names.get(message.tool_call_id or "") or message.name or "tool", message.text)
        for message in turn
        if message.role == "tool"
    ]


def _lines(block: str) -> list[str]:
    return [html.unescape(line.strip().lstrip("-*• ").strip()) for line in block.splitlines() if line.strip()]
