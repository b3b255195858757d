"""Ask the model what to say or do next."""

from langchain_core.messages import AnyMessage, HumanMessage

from agents import prompts
from agents.deps import Deps, RunContext
from agents.events import MessageCompleted, MessageDelta, UsageRecorded, message_id_of
from agents.messages import from_answer, to_openai
from agents.state import State, Update
from pilothouse.errors import ForbiddenError, IncompleteAnswerError
from pilothouse.models import Answer, Message, Request

MAX_CALLS = 16  # in one answer


async def think(state: State, deps: Deps, run: RunContext) -> Update:
    """One model call; its answer is whole, or this raises and no tool runs."""
    rounds = state.get("rounds", 0)
    step = f"think.{rounds}"
    recorded = run.journal.recorded(step)
    answer = Answer.from_json(recorded) if recorded else await _ask(step, state, deps, run)
    return {"messages": [from_answer(answer, run_id=run.run_id, step=step)], "rounds": rounds + 1}


async def _ask(step: str, state: State, deps: Deps, run: RunContext) -> Answer:
    """From the model, and durable before anyone acts on it."""
    _check_limits(state.get("rounds", 0), run)
    request = Request(
        model=run.model,
        messages=_prompt(state, deps),
        tools=deps.schemas,
        run_id=run.run_id,
        node="think",
        budget_usd=run.budget_usd,
    )
    message_id = message_id_of(step, attempt=run.attempt)
    answer = await deps.model.complete(request, lambda text: run.emit(MessageDelta(message_id=message_id, text=text)))
    if len(answer.tool_calls) > MAX_CALLS:
        asked = f"the model asked for {len(answer.tool_calls)} tools at once; none was run"
        raise IncompleteAnswerError(asked, hint="ask a narrower question")
    await run.journal.record(step, answer.to_json())
    run.emit(UsageRecorded(step=step, node="think", **vars(answer.usage)))
    if answer.text:
        run.emit(MessageCompleted(message_id=message_id, text=answer.text))
    return answer


def _check_limits(rounds: int, run: RunContext) -> None:
    if rounds >= run.max_model_calls:
        raise IncompleteAnswerError(
            f"the model asked for tools {rounds} times without answering", hint="ask a narrower question"
        )
    if run.budget_usd is None:
        return
    spent_usd = run.spent_usd()
    if spent_usd is None:
        hint = "ask without a budget, or with a model whose provider says what it costs"
        raise ForbiddenError("the provider does not say what a call cost, so the budget cannot be kept", hint=hint)
    if spent_usd >= run.budget_usd:
        hint = "ask a narrower question, or allow more"
        raise ForbiddenError(f"the run's budget of {run.budget_usd} USD is used up", hint=hint)


def _prompt(state: State, deps: Deps) -> list[Message]:
    system = prompts.load("think", today=deps.clock().date().isoformat(), shown=_shown(state.get("left_out", 0)))
    history = _with_memories(state["messages"], state.get("memories", ""))
    return [{"role": "system", "content": system}, *to_openai(history)]


def _shown(left_out: int) -> str:
    if not left_out:
        return "You see this conversation from its beginning."
    return f"The first {left_out} messages of this conversation are left out: say so when they are asked for."


def _with_memories(history: list[AnyMessage], memories: str) -> list[AnyMessage]:
    """Memories are data: they stand in the person's turn, just before the question, never in the system's."""
    if not memories:
        return history
    last = max(index for index, message in enumerate(history) if isinstance(message, HumanMessage))
    return [*history[:last], HumanMessage(memories), *history[last:]]
