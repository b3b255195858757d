"""Hand the finished turn to memory, which decides later what is worth keeping."""

from langchain_core.messages import AIMessage, HumanMessage

from agents.deps import Deps, RunContext
from agents.state import State, Update
from pilothouse import log
from pilothouse.errors import PilothouseError

logger = log.get_logger()


async def remember(state: State, deps: Deps, run: RunContext) -> Update:
    """Only the person's and the model's words go out, and none from a tainted thread.

    `recalled`: what the model was shown and may have repeated is not news.
    """
    if run.tainted:
        return {}
    try:
        await deps.memory.queue_turn(
            user_id=run.user_id,
            key=run.run_id,
            run_id=run.run_id,
            thread_id=run.thread_id,
            messages=_turn(state),
            recalled=state.get("recalled", []),
        )
    except PilothouseError as error:
        logger.warning("turn.not_queued", run_id=run.run_id, reason=error.message)
    return {}


def _turn(state: State) -> list[dict[str, str]]:
    """The last question and the last answer."""
    question = next(message for message in reversed(state["messages"]) if isinstance(message, HumanMessage))
    answer = next(message for message in reversed(state["messages"]) if isinstance(message, AIMessage))
    return [{"role": "user", "content": question.text}, {"role": "assistant", "content": answer.text}]
