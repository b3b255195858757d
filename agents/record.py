"""What a run did, put together from its journal: for a run that did not come to its own end, or not in one attempt."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import orjson
from langchain_core.messages import AnyMessage, HumanMessage, ToolMessage

from agents.events import (
    Event,
    MessageCompleted,
    MessageDelta,
    ToolFinished,
    ToolStarted,
    UsageRecorded,
    message_id_of,
)
from agents.journal import Journal
from agents.leases import NewRun
from agents.messages import Outcome, ask_fate, from_answer, pending_calls, tool_message
from agents.state import PendingCall
from pilothouse.errors import PilothouseError
from pilothouse.models import Answer
from pilothouse.text import without_nul


def recorded_messages(run: NewRun, journal: Journal) -> list[AnyMessage]:
    """The question, the accepted answers, and what came of the calls they asked for; the same ids as in the graph."""
    messages: list[AnyMessage] = [HumanMessage(run.message, id=str(run.id))]
    for asked in _opening(run):
        messages.append(asked)
        messages.extend(_results(run, asked, journal))
    for step, answer in _answers(journal):
        message = from_answer(answer, run_id=str(run.id), step=step)
        messages.append(message)
        messages.extend(_results(run, message, journal))
    return messages


def recorded_events(run: NewRun, journal: Journal) -> Iterator[Event]:
    """What is to be told of it. Of an answer under way nobody knows how much was heard, so it is told whole."""
    for asked in _opening(run):
        yield from _made(asked, journal)
    for step, answer in _answers(journal):
        yield UsageRecorded(step=step, node="think", **vars(answer.usage))
        if answer.text:
            message_id = message_id_of(step, attempt=run.attempts)
            yield MessageDelta(message_id=message_id, text=answer.text)
            yield MessageCompleted(message_id=message_id, text=answer.text)
        yield from _made(from_answer(answer, run_id=str(run.id), step=step), journal)


def told_call(call: PendingCall) -> dict[str, Any]:
    """A call as its events tell it."""
    return {
        "step": call["step"],
        "tool_call_id": call["id"],
        "name": call["name"],
        "arguments": _shown(call["arguments"]),
    }


def _shown(raw: str) -> Any:
    """For people to look at: the arguments as an object where they are one, else the text."""
    try:
        return without_nul(orjson.loads(raw or "{}"))
    except orjson.JSONDecodeError:
        return raw


def _opening(run: NewRun) -> list[AnyMessage]:
    """The call of ours that a run begins with which tells what became of an intent."""
    return [ask_fate(str(run.tells_of), run_id=str(run.id))] if run.tells_of else []


def _made(asked: AnyMessage, journal: Journal) -> Iterator[Event]:
    for call in pending_calls(asked):
        outcome: Outcome | None = journal.recorded(call["step"])
        if outcome is not None:
            yield ToolStarted(**told_call(call))
            yield ToolFinished(**told_call(call), **outcome)


def _answers(journal: Journal) -> Iterator[tuple[str, Answer]]:
    for number in count():
        recorded = journal.recorded(f"think.{number}")
        if recorded is None:
            return
        yield f"think.{number}", Answer.from_json(recorded)


def _results(run: NewRun, answer: AnyMessage, journal: Journal) -> Iterator[ToolMessage]:
    for call in pending_calls(answer):
        outcome: Outcome | None = journal.recorded(call["step"])
        if outcome is None and journal.recorded(begun(call["step"])) is not None:
            outcome = {"status": "error", "result": interrupted(call["name"]).body()}
        if outcome is not None:
            yield tool_message(call, outcome, run_id=str(run.id))


def begun(step: str) -> str:
    """The journal's mark that a call which must not be repeated was about to be made."""
    return f"{step}.begun"


def interrupted(name: str) -> PilothouseError:
    """Nobody knows what became of the call."""
    hint = "find out whether it took effect before you ask for it again"
    return PilothouseError(f"{name} was interrupted; it may have taken effect", hint=hint)
