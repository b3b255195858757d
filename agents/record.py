"""What a run did, put together from its journal, for a run that did not come to its own end."""

from collections.abc import Iterator
from itertools import count

from langchain_core.messages import AnyMessage, HumanMessage, ToolMessage

from agents.journal import Journal
from agents.leases import NewRun
from agents.messages import Outcome, from_answer, pending_calls, tool_message
from pilothouse.errors import PilothouseError
from pilothouse.models import Answer


def recorded_messages(run: NewRun, journal: Journal) -> list[AnyMessage]:
    """The question, the accepted answers, and what came of the calls they asked for; the same ids as in the graph."""
    messages: list[AnyMessage] = [HumanMessage(run.message, id=str(run.id))]
    for answer in _answers(run, journal):
        messages.append(answer)
        messages.extend(_results(run, answer, journal))
    return messages


def _answers(run: NewRun, journal: Journal) -> Iterator[AnyMessage]:
    for number in count():
        recorded = journal.recorded(f"think.{number}")
        if recorded is None:
            return
        yield from_answer(Answer.from_json(recorded), run_id=str(run.id), step=f"think.{number}")


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
