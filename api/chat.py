"""POST /api/chat: one message in; the answer streamed (SSE) or whole (JSON)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from starlette.responses import Response

from agents.leases import NewRun
from agents.runs import Runs, StartRun
from api import replies, sse
from api.access import Key, needs
from api.schemas import ChatReply, ChatRequest, ErrorView

router = APIRouter(prefix="/api", tags=["chat"])

RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
    401: {"model": ErrorView, "description": "no key, or one that opens nothing"},
    403: {"model": ErrorView, "description": "the key lacks the scope 'chat', or a budget is used up"},
    404: {"model": ErrorView, "description": "no such thread of yours"},
    409: {"model": ErrorView, "description": "the thread is busy, the run was cancelled, or the key is in use"},
    413: {"model": ErrorView, "description": "the body is larger than 256 kB"},
    422: {"model": ErrorView, "description": "the message is empty, too long, or not text"},
    502: {"model": ErrorView, "description": "the model's answer was cut off or failed; nothing was acted on"},
    503: {"model": ErrorView, "description": "a dependency cannot be reached"},
    504: {"model": ErrorView, "description": "the model or the run did not end in time"},
}
Chatter = Annotated[Key, Depends(needs("chat"))]
IdempotencyKey = Annotated[str | None, Header(max_length=200)]


@router.post("/chat", response_model=ChatReply, responses=RESPONSES)
async def chat(
    request: Request,
    body: ChatRequest,
    key: Chatter,
    idempotency_key: IdempotencyKey = None,
    accept: Annotated[str, Header()] = "application/json",
) -> Response | ChatReply:
    """Ask the agent. With `Accept: text/event-stream` the run's events are streamed as they happen.

    The run goes on when you leave: `GET /api/runs/{run_id}/events` with `Last-Event-ID` goes on where you left.
    With an `Idempotency-Key` the same request starts one run, however often it is sent.
    """
    runs: Runs = request.app.state.runs
    if idempotency_key and (first := await runs.find(user_id=key.user_id, idempotency_key=idempotency_key)):
        return replies.earlier(first, message=body.message)
    run = await start(runs, body, key, idempotency_key)
    events = runs.follow(run.id, after=0, silence_s=sse.SILENCE_S)
    if "text/event-stream" in accept:
        return sse.EventStream(events)
    return await replies.collect(run, events)


async def start(
    runs: Runs, body: ChatRequest, key: Key, idempotency_key: str | None, *, background: bool = False
) -> NewRun:
    """The run a request asks for."""
    return await runs.start(
        StartRun(
            user_id=key.user_id,
            caller=f"key:{key.id}",
            message=body.message,
            thread_id=body.thread_id,
            idempotency_key=idempotency_key,
            if_busy=body.if_busy,
            limits=body.limits(),
            background=background,
        )
    )
