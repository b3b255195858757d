"""Run one tool call, once. This is the tool border: whatever goes wrong becomes a message, never a crash."""

from typing import Any

import orjson
import psycopg
from langgraph.types import Command
from pydantic import BaseModel, ValidationError

from agents.deps import Deps, RunContext
from agents.events import ToolFinished, ToolStarted
from agents.journal import RunLostError
from agents.messages import Outcome, tool_message
from agents.record import begun, interrupted, told_call
from agents.state import PendingCall, SentCall, Update
from pilothouse import log
from pilothouse.errors import BadInputError, PilothouseError
from pilothouse.text import without_nul
from tools.registry import Call, Tool

logger = log.get_logger()


async def act(call: SentCall, deps: Deps, run: RunContext) -> Command[str]:
    """Validate the arguments, run the tool, hand its result (or its error) to the model.

    All calls of an answer go on to the same node, whatever came of each: where money may wait, to `await_approval`.
    """
    outcome: Outcome = run.journal.recorded(call["step"]) or await _make(call, deps, run)
    moves_money = any(tool.awaits for name in call["beside"] if (tool := deps.tools.get(name)))
    message = tool_message(call, outcome, run_id=run.run_id)
    return Command(update=Update(messages=[message]), goto="await_approval" if moves_money else "think")


async def _make(call: PendingCall, deps: Deps, run: RunContext) -> Outcome:
    """The call itself, told before and after; its outcome is durable before anyone goes on."""
    told = told_call(call)
    run.emit(ToolStarted(**told))
    outcome = await _outcome(call, deps, run)
    await run.journal.record(call["step"], {**outcome})
    run.emit(ToolFinished(**told, **outcome))
    return outcome


async def _outcome(call: PendingCall, deps: Deps, run: RunContext) -> Outcome:
    """What came of the call, ready for JSON."""
    try:
        result = await _run_tool(call, deps, run)
        return {"status": "ok", "result": without_nul(orjson.loads(orjson.dumps(result, default=str)))}
    except (RunLostError, psycopg.OperationalError):
        raise  # not the tool's failure: the run goes on in another process, or once the database is back
    except PilothouseError as error:
        return {"status": "error", "result": error.body()}
    except Exception:  # the tool border: a tool's bug is the model's and the person's news, not the run's end
        logger.exception("tool.crashed", tool=call["name"], run_id=run.run_id)
        broken = PilothouseError("the tool broke on our side", hint="bin/pilothouse logs controller")
        return {"status": "error", "result": broken.body()}


async def _run_tool(call: PendingCall, deps: Deps, run: RunContext) -> Any:
    tool = deps.tools.get(call["name"])
    if tool is None:
        raise BadInputError(f"there is no tool '{call['name'][:80]}'", hint=f"tools: {', '.join(deps.tools)}")
    arguments = _validated(tool, call["arguments"])
    if tool.taints:
        await run.taint()
    if not tool.repeatable:
        await _begin_once(call, run)
    key = f"{run.run_id}:{call['step']}"
    made = Call(run.user_id, run.run_id, run.thread_id, key, tainted=run.tainted, taint=run.taint)
    result = await tool.run(made, arguments)
    if tool.awaits and (awaited := tool.awaits(result)):
        await run.note_awaited(awaited.intent_id)
    return result


async def _begin_once(call: PendingCall, run: RunContext) -> None:
    """Written before the call: after a crash nobody knows whether it took effect, so it is not made again."""
    if run.journal.recorded(begun(call["step"])) is not None:
        raise interrupted(call["name"])
    await run.journal.record(begun(call["step"]), {})


def _validated(tool: Tool, raw: str) -> BaseModel:
    try:
        return tool.arguments.model_validate_json(raw or "{}", strict=False)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}" for each in error.errors()
        )
        raise BadInputError(f"{tool.name} was not run: {problems[:500]}", hint="correct the arguments") from error
