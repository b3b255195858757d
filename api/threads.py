"""GET /api/threads/{id}: a thread with its messages and runs."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Request
from langchain_core.messages import AnyMessage, HumanMessage, ToolMessage

from agents.messages import pending_calls
from agents.runs import Runs
from agents.store import Run
from api.access import Key, needs
from api.schemas import ErrorDetail, ErrorView, MessageView, RunView, ThreadView, ToolCallView

router = APIRouter(prefix="/api", tags=["threads"])

RESPONSES: dict[int | str, dict[str, Any]] = {
    401: {"model": ErrorView, "description": "no key, or one that opens nothing"},
    403: {"model": ErrorView, "description": "the key lacks the scope 'threads:read'"},
    404: {"model": ErrorView, "description": "no such thread of yours"},
}


@router.get("/threads/{thread_id}", responses=RESPONSES)
async def get_thread(
    request: Request, thread_id: UUID, key: Annotated[Key, Depends(needs("threads:read"))]
) -> ThreadView:
    """Your thread; other people's threads do not exist for you."""
    runs: Runs = request.app.state.runs
    thread, messages, its_runs = await runs.get_thread(thread_id, user_id=key.user_id)
    return ThreadView(
        thread_id=thread.id,
        tainted=thread.tainted,
        created_at=thread.created_at,
        messages=[_message(message) for message in messages],
        runs=[_run(run) for run in its_runs],
    )


def _message(message: AnyMessage) -> MessageView:
    if isinstance(message, ToolMessage):
        return MessageView(role="tool", content=message.text, tool_call_id=message.tool_call_id, name=message.name)
    if isinstance(message, HumanMessage):
        return MessageView(role="user", content=message.text)
    calls = [
        ToolCallView(id=call["id"], name=call["name"], arguments=_parsed(call["arguments"]))
        for call in pending_calls(message)
    ]
    return MessageView(role="assistant", content=message.text, tool_calls=calls or None)


def _parsed(raw: str) -> Any:
    try:
        return orjson.loads(raw or "{}")
    except orjson.JSONDecodeError:
        return raw


def _run(run: Run) -> RunView:
    return RunView(
        run_id=run.id,
        status=run.status,
        model=run.model,
        cost_usd=run.cost_usd,
        error=ErrorDetail(**run.error) if run.error else None,
        created_at=run.created_at,
        ended_at=run.ended_at,
    )
