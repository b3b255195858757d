"""From the thread's messages to what a model is sent, and back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypedDict

import orjson
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from agents.state import PendingCall
from pilothouse.models import Answer

MAX_RESULT_CHARS = 32_000
RAW_CALLS = "raw_tool_calls"  # the model's own argument text, unparsed, beside the message
UNANSWERED = '{"error":{"code":"interrupted","message":"this call was interrupted and has no result"}}'


class Outcome(TypedDict):
    """How a tool call ended, as the journal keeps it."""

    status: Literal["ok", "error"]
    result: Any


def from_answer(answer: Answer, *, run_id: str, step: str) -> AIMessage:
    """A message that keeps tool calls as the model wrote them; `act` parses and validates.

    Its id is the same in every rerun, so that a rerun replaces the message instead of adding it again.
    """
    calls = [
        PendingCall(step=f"{step}.{index}", id=call.id, name=call.name, arguments=call.arguments)
        for index, call in enumerate(answer.tool_calls)
    ]
    return AIMessage(answer.text, id=f"{run_id}:{step}", additional_kwargs={RAW_CALLS: calls} if calls else {})


def ask_fate(intent_id: str, *, run_id: str) -> AIMessage:
    """The call with which a run begins that tells what became of an intent; it is ours, no model asked for it."""
    call = PendingCall(
        step="await_approval.0",
        id="await_approval",
        name="freqtrade_list_intents",
        arguments=orjson.dumps({"intent_id": intent_id}).decode(),
    )
    return AIMessage("", id=f"{run_id}:await_approval", additional_kwargs={RAW_CALLS: [call]})


def pending_calls(message: AnyMessage) -> list[PendingCall]:
    """The tool calls a message asks for."""
    return message.additional_kwargs.get(RAW_CALLS, []) if isinstance(message, AIMessage) else []


def tool_message(call: PendingCall, outcome: Outcome, *, run_id: str) -> ToolMessage:
    """What came of a call, as the model reads it."""
    return ToolMessage(
        _fit(orjson.dumps(outcome["result"]).decode()),
        id=f"{run_id}:{call['step']}",
        tool_call_id=call["id"],
        name=call["name"],
        status="success" if outcome["status"] == "ok" else "error",
    )


def to_openai(messages: Sequence[AnyMessage]) -> list[dict[str, Any]]:
    """OpenAI's shape. Each tool call is followed by its result, and has one: else providers refuse the thread for ever.

    A result belongs to a call by its place in the run, never by the model's own id, which may come twice.
    """
    results = {message.id: message.text for message in messages if isinstance(message, ToolMessage)}
    shown: list[dict[str, Any]] = []
    for message in messages:
        if isinstance(message, HumanMessage):
            shown.append({"role": "user", "content": message.text})
        elif not isinstance(message, ToolMessage):
            shown.extend(_said(message, results))
    return shown


def _said(message: AnyMessage, results: Mapping[str | None, str]) -> Iterator[dict[str, Any]]:
    """A model's message and what came of the calls in it."""
    run_id = (message.id or "").partition(":")[0]
    calls = dict(zip(_distinct_ids(message), pending_calls(message), strict=True))
    asked = [
        {"id": call_id, "type": "function", "function": {"name": call["name"], "arguments": call["arguments"]}}
        for call_id, call in calls.items()
    ]
    yield {"role": "assistant", "content": message.text} | ({"tool_calls": asked} if asked else {})
    for call_id, call in calls.items():
        content = results.get(f"{run_id}:{call['step']}", UNANSWERED)
        yield {"role": "tool", "tool_call_id": call_id, "content": content}


def _distinct_ids(message: AnyMessage) -> list[str]:
    ids = [call["id"] for call in pending_calls(message)]
    return [each if ids.index(each) == place else f"{each}_{place}" for place, each in enumerate(ids)]


def _fit(content: str) -> str:
    if len(content) <= MAX_RESULT_CHARS:
        return content
    return content[:MAX_RESULT_CHARS] + f"... (cut: {len(content)} characters, {MAX_RESULT_CHARS} shown)"
