"""/api/threads: list them, read one with its messages and runs, forget one."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request
from langchain_core.messages import AnyMessage, HumanMessage, ToolMessage

from agents.messages import pending_calls
from agents.runs import Runs
from api.access import Chatter, Reader
from api.refusals import refusals
from api.requests import STRICT
from api.schemas import MessageView, RunView, ThreadSummary, ThreadView, ToolCallView

router = APIRouter(prefix="/api", tags=["threads"], dependencies=STRICT)

NO_THREAD = "no such thread of yours"
BUSY = "a run holds the thread"


@router.get("/threads", responses=refusals())
async def list_threads(
    request: Request, key: Reader, limit: Annotated[int, Query(ge=1, le=200)] = 20
) -> list[ThreadSummary]:
    """Your threads, newest first."""
    runs: Runs = request.app.state.runs
    threads = await runs.list_threads(user_id=key.user_id, limit=limit)
    return [ThreadSummary(thread_id=each.id, tainted=each.tainted, created_at=each.created_at) for each in threads]


@router.get("/threads/{thread_id}", responses=refusals({404: NO_THREAD}))
async def get_thread(request: Request, thread_id: UUID, key: Reader) -> ThreadView:
    """Your thread; other people's threads do not exist for you."""
    runs: Runs = request.app.state.runs
    thread, messages, its_runs = await runs.get_thread(thread_id, user_id=key.user_id)
    return ThreadView(
        thread_id=thread.id,
        tainted=thread.tainted,
        created_at=thread.created_at,
        messages=[_message(message) for message in messages],
        runs=[RunView.of(run) for run in its_runs],
    )


@router.delete("/threads/{thread_id}", status_code=204, responses=refusals({404: NO_THREAD, 409: BUSY}))
async def delete_thread(request: Request, thread_id: UUID, key: Chatter) -> None:
    """Forget a thread of yours with all its runs and events. What it cost stays in the ledger."""
    runs: Runs = request.app.state.runs
    await runs.delete_thread(thread_id, user_id=key.user_id)


def _message(message: AnyMessage) -> MessageView:
    run_id = _run_id(message)
    if isinstance(message, ToolMessage):
        return MessageView(
            run_id=run_id,
            role="tool",
            content=message.text,
            tool_call_id=message.tool_call_id,
            name=message.name,
            status="ok" if message.status == "success" else "error",
        )
    if isinstance(message, HumanMessage):
        return MessageView(run_id=run_id, role="user", content=message.text)
    calls = [
        ToolCallView(id=call["id"], name=call["name"], arguments=_parsed(call["arguments"]))
        for call in pending_calls(message)
    ]
    return MessageView(run_id=run_id, role="assistant", content=message.text, tool_calls=calls or None)


def _run_id(message: AnyMessage) -> UUID | None:
    """A message's id begins with that of its run."""
    try:
        return UUID((message.id or "").partition(":")[0])
    except ValueError:
        return None


def _parsed(raw: str) -> Any:
    try:
        return orjson.loads(raw or "{}")
    except orjson.JSONDecodeError:
        return raw
