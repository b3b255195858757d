"""Run one tool call. This is the tool border: whatever goes wrong becomes a message, never a crash."""

from typing import Any, Literal

import orjson
from langchain_core.messages import ToolMessage
from pydantic import BaseModel, ValidationError

from agents.deps import Deps, RunContext
from agents.events import ToolFinished, ToolStarted
from agents.state import PendingCall, Update
from pilothouse import log
from pilothouse.errors import BadInputError, PilothouseError
from tools.registry import Call, Tool

MAX_RESULT_CHARS = 32_000

logger = log.get_logger()


async def act(call: PendingCall, deps: Deps, run: RunContext) -> Update:
    """Validate the arguments, run the tool, hand its result (or its error) to the model."""
    run.emit(ToolStarted(tool_call_id=call["id"], name=call["name"], arguments=_shown(call["arguments"])))
    status: Literal["ok", "error"] = "ok"
    try:
        result = await _run_tool(call, deps, run)
    except PilothouseError as error:
        status, result = "error", error.body()
    except Exception:  # the tool border: a tool's bug is the model's and the person's news, not the run's end
        logger.exception("tool.crashed", tool=call["name"], run_id=run.run_id)
        status, result = "error", PilothouseError("the tool broke on our side", hint="bin/pilothouse logs").body()
    content = _fit(orjson.dumps(result, default=str).decode())
    run.emit(ToolFinished(tool_call_id=call["id"], name=call["name"], status=status, result=result))
    message = ToolMessage(content, tool_call_id=call["id"], name=call["name"], status=_langchain_status(status))
    return {"messages": [message]}


async def _run_tool(call: PendingCall, deps: Deps, run: RunContext) -> Any:
    tool = deps.tools.get(call["name"])
    if tool is None:
        raise BadInputError(f"there is no tool '{call['name'][:80]}'", hint=f"tools: {', '.join(deps.tools)}")
    arguments = _validated(tool, call["arguments"])
    if tool.taints:
        await run.taint()
    return await tool.run(Call(run.user_id, run.run_id, f"{run.run_id}:{call['id']}"), arguments)


def _validated(tool: Tool, raw: str) -> BaseModel:
    try:
        return tool.arguments.model_validate_json(raw or "{}", strict=False)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}" for each in error.errors()
        )
        raise BadInputError(f"{tool.name} was not run: {problems[:500]}", hint="correct the arguments") from error


def _shown(raw: str) -> Any:
    """For people to look at: the arguments as an object where they are one, else the text."""
    try:
        return orjson.loads(raw or "{}")
    except orjson.JSONDecodeError:
        return raw


def _fit(content: str) -> str:
    if len(content) <= MAX_RESULT_CHARS:
        return content
    return content[:MAX_RESULT_CHARS] + f"... (cut: {len(content)} characters, {MAX_RESULT_CHARS} shown)"


def _langchain_status(status: Literal["ok", "error"]) -> Literal["success", "error"]:
    return "success" if status == "ok" else "error"
