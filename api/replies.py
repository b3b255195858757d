"""A run's end as one JSON answer: what `POST /api/chat` gives without streaming."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import orjson

from agents.eventlog import StoredEvent
from agents.leases import NewRun
from agents.store import Run
from api.schemas import ChatReply, ModelCallView, ToolCallView
from pilothouse.errors import ConflictError, GoneError, UnavailableError, restored
from pilothouse.settings import REHEARSAL_MODEL, REHEARSAL_NOTICE


async def collect(run: NewRun | Run, batches: AsyncGenerator[Sequence[StoredEvent]]) -> ChatReply:
    """Wait for the end and put the answer together; a failed run is an error with its own status."""
    try:
        reply = await _collect(run, batches)
    except asyncio.CancelledError:  # this process is being stopped
        reply = None
    if reply is None:
        hint = f"it goes on by itself; its answer will be in GET /api/threads/{run.thread_id}"
        raise UnavailableError("the run was interrupted on our side", hint=hint)
    return reply


async def _collect(run: NewRun | Run, batches: AsyncGenerator[Sequence[StoredEvent]]) -> ChatReply | None:
    """None: its events broke off."""
    calls: list[ToolCallView] = []
    asked: list[ModelCallView] = []
    async for batch in batches:
        for event in batch:
            fields: dict[str, Any] = orjson.loads(event.data)
            if event.type == "tool.finished":
                calls.append(
                    ToolCallView(
                        id=fields["tool_call_id"],
                        name=fields["name"],
                        arguments=fields["arguments"],
                        status=fields["status"],
                        result=fields["result"],
                    )
                )
            if event.type == "usage.recorded":
                asked.append(ModelCallView.model_validate(fields))
            if event.is_end:
                return _ended(run, event.type, fields, calls, asked)
    return None


def from_record(run: Run, *, wants_events: bool) -> ChatReply:
    """The answer of a run that ended long ago, whose events are gone."""
    if wants_events:
        raise gone(run)
    if run.error is not None:
        raise restored(run.error)
    if run.status == "cancelled":
        raise _cancelled()
    return ChatReply(
        run_id=run.id,
        thread_id=run.thread_id,
        answer=run.answer or "",
        cost_usd=run.cost_usd,
        tool_calls=[],
        model_calls=[],
        **served(run.model),
    )


def gone(run: Run) -> GoneError:
    """Nobody can be told how this run went any more."""
    hint = f"what was said is still in GET /api/threads/{run.thread_id}"
    return GoneError(f"the events of run {run.id} were deleted on {run.pruned_at:%Y-%m-%d}", hint=hint)


def served(model: str) -> dict[str, Any]:
    """The model, and whether it is the rehearsal."""
    rehearsal = model == REHEARSAL_MODEL
    return {"model": model, "rehearsal": rehearsal, "notice": REHEARSAL_NOTICE if rehearsal else ""}


def _ended(
    run: NewRun | Run, kind: str, fields: dict[str, Any], calls: list[ToolCallView], asked: list[ModelCallView]
) -> ChatReply:
    if kind == "run.failed":
        raise restored(fields["error"])
    if kind == "run.cancelled":
        raise _cancelled()
    return ChatReply(
        run_id=run.id,
        thread_id=run.thread_id,
        answer=fields["answer"],
        cost_usd=fields["cost_usd"],
        tool_calls=calls,
        model_calls=asked,
        **served(run.model),
    )


def _cancelled() -> ConflictError:
    return ConflictError("the run was cancelled", hint="ask again")
