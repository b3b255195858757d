"""Models that go wrong, by id: `twin/<fault>`, and `twin/<fault>:<variant>` to choose how.

Each is a function of the conversation and the variant; it returns a Reply that says how to break, or refuses.
Those that break text wrap the rehearsal model; those that call a tool need one offered, and after its result they
end with a plain answer, so that every turn ends.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

from simulators.openrouter import hostile, refusals, rehearsal, schemas
from simulators.openrouter.conversation import Conversation
from simulators.openrouter.errors import RefusedError
from simulators.openrouter.reply import Ending, Reply, ToolCall

DEFAULT_SLOW_S = 20.0
DEFAULT_TRICKLE_S = 0.2
TRADING_TOOL = "freqtrade_propose_trade"
CUT_CHARACTERS = 3  # `{"stake":100}` becomes `{"stake":1`: a valid number once the JSON is closed

Fault = Callable[[Conversation, str], Reply]


def _seconds(variant: str, default: float) -> float:
    try:
        return float(variant) if variant else default
    except ValueError as error:
        raise RefusedError(400, f"expected seconds after the colon, got {variant!r}") from error


def _slow(conversation: Conversation, variant: str) -> Reply:
    return replace(rehearsal.answer(conversation), first_byte_after_s=_seconds(variant, DEFAULT_SLOW_S))


def _keep_alive(conversation: Conversation, variant: str) -> Reply:
    seconds = _seconds(variant, DEFAULT_SLOW_S)
    if not conversation.streamed:
        return _slow(conversation, variant)
    return replace(rehearsal.answer(conversation), comments_for_s=seconds)


def _trickle(conversation: Conversation, variant: str) -> Reply:
    return replace(rehearsal.answer(conversation), pause_s=_seconds(variant, DEFAULT_TRICKLE_S))


def _half(conversation: Conversation) -> Reply:
    """The first half of what the rehearsal model says; of a tool call, everything but the end."""
    reply = rehearsal.answer(conversation)
    if reply.calls:
        return replace(reply, calls=tuple(replace(call, arguments=call.arguments[:-1]) for call in reply.calls[:1]))
    return replace(reply, text=reply.text[: max(1, len(reply.text) // 2)])


def _truncated(conversation: Conversation, _: str) -> Reply:
    half = _half(conversation)
    return replace(half, ending="unfinished") if conversation.streamed else replace(half, finish_reason="length")


def _length(conversation: Conversation, _: str) -> Reply:
    return replace(_half(conversation), finish_reason="length")


def _breaks(ending: Ending) -> Fault:
    return lambda conversation, _: replace(_half(conversation), ending=ending)


def _victim(conversation: Conversation) -> ToolCall | None:
    """A well-formed call of an offered tool, the one that trades before any other."""
    with_arguments = [name for name, schema in conversation.tools.items() if schema.get("properties")]
    names = [TRADING_TOOL] if TRADING_TOOL in with_arguments else with_arguments
    if not names or conversation.results:
        return None
    return ToolCall(names[0], json.dumps(schemas.sample(conversation.tools[names[0]]), separators=(",", ":")))


def _cut_tool_call(conversation: Conversation, variant: str) -> Reply:
    call = _victim(conversation)
    if call is None:
        return rehearsal.conclude(conversation)
    cut = replace(call, arguments=call.arguments[:-CUT_CHARACTERS])
    if variant in {"", "none"}:
        return Reply(calls=(cut,), ending="unfinished")
    if variant in {"length", "error"}:
        return Reply(calls=(cut,), finish_reason=variant)
    raise RefusedError(400, f"expected twin/cut-tool-call:length, :error or :none, got {variant!r}")


def _bad_tool_arguments(conversation: Conversation, variant: str) -> Reply:
    call = _victim(conversation)
    if call is None:
        return rehearsal.conclude(conversation)
    if variant == "types":
        wrong = {name: ["not", {"what": "it takes"}] for name in json.loads(call.arguments)}
        return Reply(calls=(replace(call, arguments=json.dumps(wrong)),))
    return Reply(calls=(replace(call, arguments=call.arguments.replace('"', "'") + ",,"),))


FAULTS: Mapping[str, Fault] = {
    "twin/slow": _slow,
    "twin/keep-alive": _keep_alive,
    "twin/trickle": _trickle,
    **refusals.REFUSALS,
    "twin/truncated": _truncated,
    "twin/length": _length,
    "twin/error-mid-stream": _breaks("error"),
    "twin/dropped": _breaks("dropped"),
    "twin/garbage": _breaks("garbage"),
    "twin/cut-tool-call": _cut_tool_call,
    "twin/bad-tool-arguments": _bad_tool_arguments,
    "twin/hostile": hostile.answer,
}
