"""Where money waits for a person: end the turn and say what is waited for; in a later run, look what became of it.

A node of its own, so that the later run repeats no tool. Nothing in the state or the chat decides anything: the broker
alone keeps approvals, and is asked again.
"""

from datetime import UTC, datetime

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import END
from langgraph.types import Command, Send

from agents.deps import Deps, RunContext
from agents.events import ApprovalRequested, MessageCompleted, MessageDelta, message_id_of
from agents.messages import ask_fate, pending_calls
from agents.state import State, Update
from tools.registry import Awaited

STEP = "await_approval"


async def await_approval(state: State, deps: Deps, run: RunContext) -> Command[str]:
    """After a proposal: say what waits, and end. In the run that tells of it: ask the broker, and go on."""
    tells_of = state.get("tells_of")
    if tells_of and isinstance(state["messages"][-1], HumanMessage):
        asked = ask_fate(tells_of, run_id=run.run_id)
        sent = [Send("act", {**call, "beside": [call["name"]]}) for call in pending_calls(asked)]
        return Command(update=Update(messages=[asked]), goto=sent)
    waiting = _waiting(state, deps, run)
    if not waiting:
        return Command(goto="think")
    for each in waiting:
        run.emit(ApprovalRequested(step=f"{STEP}.{each.intent_id}", **vars(each)))
    return Command(update=Update(messages=[_say(waiting, run)]), goto=END)


def _waiting(state: State, deps: Deps, run: RunContext) -> list[Awaited]:
    """What the calls of the last answer wait for, as their journalled results say."""
    asked = next(message for message in reversed(state["messages"]) if isinstance(message, AIMessage))
    found = [(deps.tools.get(call["name"]), run.journal.recorded(call["step"])) for call in pending_calls(asked)]
    waiting = [
        tool.awaits(outcome["result"]) for tool, outcome in found if tool and tool.awaits and outcome["status"] == "ok"
    ]
    return [each for each in waiting if each is not None]


def _say(waiting: list[Awaited], run: RunContext) -> AIMessage:
    """In our words, not the model's."""
    lines = [f"Waiting for approval: {each.summary}. Decide by {_minute(each.expires_at)}." for each in waiting]
    text = "\n".join([*lines, "See bin/pilothouse approvals; you are told here what becomes of it."])
    message_id = message_id_of(STEP, attempt=run.attempt)
    run.emit(MessageDelta(message_id=message_id, text=text))
    run.emit(MessageCompleted(message_id=message_id, text=text))
    return AIMessage(text, id=f"{run.run_id}:{STEP}")


def _minute(instant: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
