"""POST /api/chat: one message in; the answer streamed (SSE) or whole (JSON)."""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from starlette.responses import Response

from agents.leases import NewRun
from agents.runs import Runs, StartRun
from api import replies, sse
from api.access import Chatter, Key
from api.refusals import refusals
from api.schemas import ChatReply, ChatRequest

router = APIRouter(prefix="/api", tags=["chat"])

REFUSALS = refusals(
    {
        403: "the key lacks the scope 'chat', or a budget is used up",
        404: "no such thread of yours",
        409: "the thread is busy, the run was cancelled, or the Idempotency-Key was used for something else",
        413: "the body is larger than 256 kB",
        502: "the model's answer was cut off or failed; nothing was acted on",
        504: "the model or the run did not end in time",
    }
)
IdempotencyKey = Annotated[str | None, Header(max_length=200)]


@router.post("/chat", response_model=ChatReply, responses=sse.ANSWER | REFUSALS)
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
