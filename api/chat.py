"""POST /api/chat: one message in; the answer streamed (SSE) or whole (JSON)."""

from collections.abc import AsyncGenerator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request
from starlette.responses import Response, StreamingResponse

from agents.events import Event, RunFailed, RunFinished, ToolFinished, ToolStarted
from agents.live import LiveRun
from agents.runs import Runs, StartRun
from agents.store import Run
from api import sse
from api.access import Key, needs
from api.schemas import ChatReply, ChatRequest, ErrorView, ToolCallView
from pilothouse.errors import ConflictError, PilothouseError, UnavailableError
from pilothouse.settings import REHEARSAL_MODEL, REHEARSAL_NOTICE

router = APIRouter(prefix="/api", tags=["chat"])

STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
    401: {"model": ErrorView, "description": "no key, or one that opens nothing"},
    403: {"model": ErrorView, "description": "the key lacks the scope 'chat'"},
    404: {"model": ErrorView, "description": "no such thread of yours"},
    409: {"model": ErrorView, "description": "the thread is busy, or the idempotency key is in use"},
    413: {"model": ErrorView, "description": "the body is larger than 256 kB"},
    422: {"model": ErrorView, "description": "the message is empty, too long, or not text"},
    502: {"model": ErrorView, "description": "the model's answer was cut off or failed; nothing was acted on"},
    503: {"model": ErrorView, "description": "a dependency cannot be reached"},
}


@router.post("/chat", response_model=ChatReply, responses=RESPONSES)
async def chat(
    request: Request,
    body: ChatRequest,
    key: Annotated[Key, Depends(needs("chat"))],
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
    accept: Annotated[str, Header()] = "application/json",
) -> Response | ChatReply:
    """Ask the agent. With `Accept: text/event-stream` the run's events are streamed as they happen.

    The run goes on when you leave. With an `Idempotency-Key` the same request starts one run, however often it is sent.
    """
    runs: Runs = request.app.state.runs
    if idempotency_key and (earlier := await runs.find(user_id=key.user_id, idempotency_key=idempotency_key)):
        return _earlier(earlier, body)
    live = await runs.start(
        StartRun(
            user_id=key.user_id,
            caller=f"key:{key.id}",
            message=body.message,
            thread_id=body.thread_id,
            idempotency_key=idempotency_key,
        )
    )
    if "text/event-stream" in accept:
        return StreamingResponse(sse.stream(live), media_type="text/event-stream", headers=STREAM_HEADERS)
    return await _reply(live)


async def _reply(live: LiveRun) -> ChatReply:
    """Collect a run's events into one answer; a failed run is an error with its own status."""
    calls: dict[str, ToolCallView] = {}
    async for event in _each(live):
        if isinstance(event, ToolStarted):
            calls[event.tool_call_id] = ToolCallView(id=event.tool_call_id, name=event.name, arguments=event.arguments)
        elif isinstance(event, ToolFinished):
            call = calls[event.tool_call_id]
            call.status, call.result = event.status, event.result
        elif isinstance(event, RunFailed):
            raise failed(event.error)
        elif isinstance(event, RunFinished):
            return ChatReply(
                run_id=UUID(event.run_id),
                thread_id=live.run.thread_id,
                answer=event.answer,
                cost_usd=event.cost_usd,
                tool_calls=list(calls.values()),
                **_served(live.run.model),
            )
    hint = f"it goes on by itself; its answer will be in GET /api/threads/{live.run.thread_id}"
    raise UnavailableError("the run was interrupted on our side", hint=hint)


async def _each(live: LiveRun) -> AsyncGenerator[Event]:
    async for batch in live.batches(silence_s=sse.PING_S):
        for event in batch:
            yield event


def _earlier(run: Run, body: ChatRequest) -> ChatReply:
    """What the first request with this key got. Another message under the same key is a mistake, and said so."""
    if run.message != body.message or body.thread_id not in (None, run.thread_id):
        raise ConflictError("this Idempotency-Key was used for another message", hint="use a new key")
    if run.ended_at is None:
        raise ConflictError(f"run {run.id} with this Idempotency-Key is under way", hint="wait for it to end")
    if run.error is not None:
        raise failed(run.error)
    return ChatReply(
        run_id=run.id,
        thread_id=run.thread_id,
        answer=run.answer or "",
        cost_usd=run.cost_usd,
        tool_calls=[],
        **_served(run.model),
    )


def failed(error: dict[str, Any]) -> PilothouseError:
    """A run's stored error, as one that the handlers answer with."""
    raised = PilothouseError(error["message"], hint=error["hint"])
    raised.code = error["code"]
    raised.status = STATUS_BY_CODE.get(error["code"], 500)
    return raised


def _every_error(kind: type[PilothouseError]) -> list[type[PilothouseError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in _every_error(child))]


STATUS_BY_CODE = {kind.code: kind.status for kind in _every_error(PilothouseError)}


def _served(model: str) -> dict[str, Any]:
    rehearsal = model == REHEARSAL_MODEL
    return {"model": model, "rehearsal": rehearsal, "notice": REHEARSAL_NOTICE if rehearsal else ""}
