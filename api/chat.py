"""POST /api/chat: one message in; the answer streamed (SSE) or whole (JSON)."""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from starlette.responses import Response

from agents.runs import Runs
from agents.store import Run
from api import replies, sse
from api.access import Chatter
from api.refusals import refusals
from api.repeats import IdempotencyKey, start_once
from api.requests import STRICT
from api.schemas import ChatReply, ChatRequest

router = APIRouter(prefix="/api", tags=["chat"], dependencies=STRICT)

REFUSALS = refusals(
    {
        403: "the key lacks the scope 'chat', or a budget is used up",
        404: "no such thread of yours",
        409: "the thread is busy, the run was cancelled, or the Idempotency-Key was used for something else",
        410: "this Idempotency-Key started a run long ago, and its events were deleted",
        413: "the body is larger than 256 kB",
        502: "the model's answer was cut off or failed; nothing was acted on",
        504: "the model or the run did not end in time",
    }
)


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
    With an `Idempotency-Key` the same request starts one run, and gets its answer, however often it is sent.
    """
    runs: Runs = request.app.state.runs
    run = await start_once(runs, body, key, idempotency_key)
    wants_events = "text/event-stream" in accept
    if isinstance(run, Run) and run.pruned_at is not None:
        return replies.from_record(run, wants_events=wants_events)
    events = runs.follow(run.id, after=0, silence_s=sse.SILENCE_S)
    if wants_events:
        return sse.EventStream(events)
    return await replies.collect(run, events)
