"""/api/runs: start one in the background, look at it, follow its events from any point, cancel it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from agents.runs import Runs
from api import replies, sse
from api.access import Chatter, Reader
from api.refusals import refusals
from api.repeats import IdempotencyKey, start_once
from api.requests import STRICT
from api.schemas import RunRequest, RunView

router = APIRouter(prefix="/api/runs", tags=["runs"], dependencies=STRICT)

NO_RUN = "no such run of yours"
DELETED = "the run ended long ago and its events were deleted"
CONFLICT = "the thread is busy and 'if_busy' is 'reject', or the Idempotency-Key was used for something else"


@router.post("", status_code=202, responses=refusals({404: "no such thread of yours", 409: CONFLICT}))
async def start_run(
    request: Request, body: RunRequest, key: Chatter, idempotency_key: IdempotencyKey = None
) -> RunView:
    """Start a run and return at once. With an `Idempotency-Key` the same request always names the same run."""
    runs: Runs = request.app.state.runs
    run = await start_once(runs, body, key, idempotency_key, background=body.background)
    return RunView.of(await runs.get(run.id, user_id=key.user_id))


@router.get("", responses=refusals())
async def list_runs(request: Request, key: Reader, limit: Annotated[int, Query(ge=1, le=200)] = 20) -> list[RunView]:
    """Your runs, newest first."""
    runs: Runs = request.app.state.runs
    return [RunView.of(run) for run in await runs.list_runs(user_id=key.user_id, limit=limit)]


@router.get("/{run_id}", responses=refusals({404: NO_RUN}))
async def get_run(request: Request, run_id: UUID, key: Reader) -> RunView:
    """One run of yours."""
    runs: Runs = request.app.state.runs
    return RunView.of(await runs.get(run_id, user_id=key.user_id))


@router.get("/{run_id}/events", response_class=Response, responses=sse.ANSWER | refusals({404: NO_RUN, 410: DELETED}))
async def follow_run(
    request: Request,
    run_id: UUID,
    key: Reader,
    last_event_id: Annotated[int, Header(ge=0)] = 0,
) -> sse.EventStream:
    """A run's events as SSE, from the beginning or after `Last-Event-ID`, to its end, on any replica."""
    runs: Runs = request.app.state.runs
    run = await runs.get(run_id, user_id=key.user_id)
    if run.pruned_at is not None:
        raise replies.gone(run)
    events = runs.follow(run_id, after=last_event_id, silence_s=sse.SILENCE_S)
    return sse.EventStream(events)


@router.post("/{run_id}/cancel", status_code=202, responses=refusals({404: NO_RUN}))
async def cancel_run(request: Request, run_id: UUID, key: Chatter) -> RunView:
    """Ask for the run's end; what it did so far stays in the thread. A run that has ended stays as it is."""
    runs: Runs = request.app.state.runs
    return RunView.of(await runs.cancel(run_id, user_id=key.user_id))
