"""Ask the model what to say or do next."""

from langchain_core.messages import AnyMessage, HumanMessage

from agents import prompts
from agents.deps import Deps, RunContext
from agents.events import MessageCompleted, MessageDelta, UsageRecorded
from agents.messages import from_answer, recent, to_openai
from agents.state import State, Update
from pilothouse.errors import IncompleteAnswerError
from pilothouse.models import Answer, Message, Request

HISTORY_LIMIT = 60
MAX_ROUNDS = 12


async def think(state: State, deps: Deps, run: RunContext) -> Update:
    """One model call; its answer is whole, or this raises and no tool runs."""
    rounds = state.get("rounds", 0)
    if rounds >= MAX_ROUNDS:
        raise IncompleteAnswerError(
            f"the model asked for tools {MAX_ROUNDS} times without answering", hint="ask a narrower question"
        )
    step = f"think.{rounds}"
    answer = await _answer(step, state, deps, run)
    run.emit(UsageRecorded(node="think", **vars(answer.usage)))
    if answer.text:
        run.emit(MessageCompleted(text=answer.text))
    return {"messages": [from_answer(answer, run_id=run.run_id, step=step)], "rounds": rounds + 1}


async def _answer(step: str, state: State, deps: Deps, run: RunContext) -> Answer:
    """From the journal when an earlier attempt got it; else from the model, and durable before anyone acts on it."""
    if recorded := run.journal.recorded(step):
        return Answer.from_json(recorded)
    request = Request(
        model=run.model, messages=_prompt(state, deps), tools=deps.schemas, run_id=run.run_id, node="think"
    )
    answer = await deps.model.complete(request, lambda text: run.emit(MessageDelta(text=text)))
    await run.journal.record(step, answer.to_json())
    return answer


def _prompt(state: State, deps: Deps) -> list[Message]:
    system = prompts.load("think", today=deps.clock().date().isoformat())
    history = _with_memories(recent(state["messages"], limit=HISTORY_LIMIT), state.get("memories", ""))
    return [{"role": "system", "content": system}, *to_openai(history)]


def _with_memories(history: list[AnyMessage], memories: str) -> list[AnyMessage]:
    """Memories are data: they stand in the person's turn, just before the question, never in the system's."""
    if not memories:
        return history
    last = max(index for index, message in enumerate(history) if isinstance(message, HumanMessage))
    return [*history[:last], HumanMessage(memories), *history[last:]]
