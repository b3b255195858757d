"""From the thread's messages to what a model is sent, and back."""

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from agents.state import PendingCall
from pilothouse.models import Answer

RAW_CALLS = "raw_tool_calls"  # the model's own argument text, unparsed, beside the message
UNANSWERED = '{"error":{"code":"interrupted","message":"this call was interrupted and has no result"}}'


def from_answer(answer: Answer, *, run_id: str, step: str) -> AIMessage:
    """A message that keeps tool calls as the model wrote them; `act` parses and validates.

    Its id is the same in every rerun, so that a rerun replaces the message instead of adding it again.
    """
    calls = [
        PendingCall(step=f"{step}.{index}", id=call.id, name=call.name, arguments=call.arguments)
        for index, call in enumerate(answer.tool_calls)
    ]
    return AIMessage(answer.text, id=f"{run_id}:{step}", additional_kwargs={RAW_CALLS: calls} if calls else {})


def pending_calls(message: AnyMessage) -> list[PendingCall]:
    """The tool calls a message asks for."""
    return message.additional_kwargs.get(RAW_CALLS, []) if isinstance(message, AIMessage) else []


def to_openai(messages: Sequence[AnyMessage]) -> list[dict[str, Any]]:
    """OpenAI's shape. A tool call without a result gets one, or the provider refuses the thread for ever."""
    answered = {message.tool_call_id for message in messages if isinstance(message, ToolMessage)}
    result: list[dict[str, Any]] = []
    for message in messages:
        result.append(_one(message))
        result.extend(_tool(call["id"], UNANSWERED) for call in pending_calls(message) if call["id"] not in answered)
    return result


def _one(message: AnyMessage) -> dict[str, Any]:
    if isinstance(message, ToolMessage):
        return _tool(message.tool_call_id, message.text)
    if isinstance(message, HumanMessage):
        return {"role": "user", "content": message.text}
    calls = [
        {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": call["arguments"]}}
        for call in pending_calls(message)
    ]
    return {"role": "assistant", "content": message.text} | ({"tool_calls": calls} if calls else {})


def _tool(call_id: str, content: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}
