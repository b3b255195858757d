"""What the rehearsal model understands of its own memory: forget this, why do you know that.

Both need two steps: search, then act on the best memory found. FOLLOWING says what comes after a search.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from simulators.openrouter.conversation import Conversation
from simulators.openrouter.reply import ToolCall

CLAUSE_END = r"(?=[.!?](?:\s|$)|\n|$)"
FORGET = re.compile(
    r"(?<!don't )(?<!do not )(?<!never )(?<!not )\bforget\b(?!\s+(?:it|everything|all)\b)"
    r"(?:\s+(?:that|about|what i (?:said|told you) about))*\s+(?P<what>.+?)" + CLAUSE_END,
    re.IGNORECASE,
)
WHY = re.compile(
    r"\b(?:why|how|where) do you (?:know|remember|believe|think)(?:\s+(?:that|about))*\s+(?P<what>.+?)" + CLAUSE_END,
    re.IGNORECASE,
)
WORD = re.compile(r"\w{3,}")

Fields = dict[str, Any]


@dataclass(frozen=True)
class Next:
    """A second step: which wish has it, and what it calls with the memory that was found."""

    says: re.Pattern[str]
    tool: str
    arguments: Callable[[str], Fields]


FOLLOWING: Sequence[Next] = (
    Next(FORGET, "memory_forget", lambda memory_id: {"ids": [memory_id]}),
    Next(WHY, "memory_explain", lambda memory_id: {"id": memory_id}),
)


def searches(match: re.Match[str]) -> list[ToolCall]:
    """The first step of both."""
    return [ToolCall.of("memory_search", query=match["what"].strip(" ,;\"'"))]


def follow(conversation: Conversation) -> list[ToolCall]:
    """The second step, once the search has found something that shares a word with what was asked for."""
    called = {result.name for result in conversation.results}
    return [
        ToolCall.of(each.tool, **each.arguments(memory["id"]))
        for each in FOLLOWING
        if each.tool in conversation.tools and each.tool not in called
        for match in [each.says.search(conversation.question)]
        if match and (memory := _best(conversation, match["what"])) is not None
    ]


def tell_forgotten(fields: Fields) -> str:
    """How many are gone."""
    count = fields.get("forgotten")
    if count == 0:
        return "There was nothing of that left to forget."
    return f"Forgotten for good: {count} {'memory' if count == 1 else 'memories'}."


def tell_why(fields: Fields) -> str:
    """Where it came from."""
    said = f'I know "{fields.get("text")}" since {str(fields.get("said_at"))[:10]}'
    if fields.get("asked"):
        said += f', from run {fields.get("run_id")}, where you asked: "{fields["asked"]}"'
    elif fields.get("source") == "person":
        said += ", because you added it yourself"
    doubt = " That conversation held text of others." if fields.get("tainted") else ""
    return f"{said}.{doubt}"


def _best(conversation: Conversation, what: str) -> Fields | None:
    asked = set(WORD.findall(what.lower()))
    return next((memory for memory in _found(conversation) if asked & set(WORD.findall(memory["text"].lower()))), None)


def _found(conversation: Conversation) -> list[Fields]:
    answers: list[Any] = [result.data for result in conversation.results if result.name == "memory_search"]
    found = [cast("Fields", answer).get("memories", []) for answer in answers if isinstance(answer, dict)]
    return [memory for memories in found for memory in memories]
