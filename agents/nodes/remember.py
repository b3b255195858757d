"""Hand the finished turn to memory, which decides later what is worth keeping."""

import re
from itertools import takewhile

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from agents.deps import Deps, RunContext
from agents.state import State, Update
from pilothouse import log
from pilothouse.errors import PilothouseError

logger = log.get_logger()

SEARCH = "memory_search"
ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
RECALLED_AT_MOST = 50


async def remember(state: State, deps: Deps, run: RunContext) -> Update:
    """Only the person's and the model's words go out; none from a tainted thread, and none of a turn that forgets."""
    called = {message.name for message in _answers(state)}
    if run.tainted or any(tool.forgets for name, tool in deps.tools.items() if name in called):
        return {}
    try:
        await deps.memory.queue_turn(
            user_id=run.user_id,
            key=run.run_id,
            run_id=run.run_id,
            thread_id=run.thread_id,
            messages=_turn(state),
            recalled=_recalled(state),
        )
    except PilothouseError as error:
        logger.warning("turn.not_queued", run_id=run.run_id, reason=error.message)
    return {}


def _answers(state: State) -> list[ToolMessage]:
    """What tools answered in this turn."""
    turn = takewhile(lambda message: not isinstance(message, HumanMessage), reversed(state["messages"]))
    return [message for message in turn if isinstance(message, ToolMessage)]


def _turn(state: State) -> list[dict[str, str]]:
    """The last question and the last answer."""
    question = next(message for message in reversed(state["messages"]) if isinstance(message, HumanMessage))
    answer = next(message for message in reversed(state["messages"]) if isinstance(message, AIMessage))
    return [{"role": "user", "content": question.text}, {"role": "assistant", "content": answer.text}]


def _recalled(state: State) -> list[str]:
    """The memories that the model was shown in this turn: what it says of them is no news."""
    searched = [message.text for message in _answers(state) if message.name == SEARCH]
    shown = [*state.get("recalled", []), *ID.findall("\n".join(searched))]
    return list(dict.fromkeys(shown))[:RECALLED_AT_MOST]
