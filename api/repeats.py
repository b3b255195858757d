"""Requests that are sent again: with an `Idempotency-Key` one request starts one run, however often it arrives."""

from typing import Annotated

from fastapi import Header

from agents.leases import NewRun
from agents.runs import Runs, StartRun
from agents.store import Run
from api.access import Key
from api.schemas import ChatRequest
from pilothouse.errors import ConflictError

IdempotencyKey = Annotated[
    str | None,
    Header(
        max_length=200,
        pattern=r"^[ -~]*$",
        description="names this request: sent again, it finds the run it started",
        examples=["5b1f0d7a-order-17"],
    ),
]


async def start_once(
    runs: Runs, body: ChatRequest, key: Key, idempotency_key: str | None, *, background: bool = False
) -> NewRun | Run:
    """The run a request asks for; the first one when the same request was sent before, or at the same time."""
    command = StartRun(
        user_id=key.user_id,
        caller=f"key:{key.id}",
        message=body.message,
        thread_id=body.thread_id,
        idempotency_key=idempotency_key or None,
        if_busy=body.if_busy,
        limits=body.limits(),
        background=background,
    )
    if (first := await _find(runs, command)) is not None:
        return first
    try:
        return await runs.start(command)
    except ConflictError:
        if (first := await _find(runs, command)) is None:
            raise
        return first


async def _find(runs: Runs, command: StartRun) -> Run | None:
    """The run this request started. Another request under the same key is a mistake, and said so."""
    if command.idempotency_key is None:
        return None
    run = await runs.find(user_id=command.user_id, idempotency_key=command.idempotency_key)
    if run is not None and not await _is_same(runs, command, run):
        hint = f"use a new key; this one belongs to GET /api/runs/{run.id}"
        raise ConflictError("this Idempotency-Key was used for another message or thread", hint=hint)
    return run


async def _is_same(runs: Runs, command: StartRun, run: Run) -> bool:
    if run.message != command.message:
        return False
    if command.thread_id is not None:
        return run.thread_id == command.thread_id
    _, _, on_thread = await runs.get_thread(run.thread_id, user_id=command.user_id)
    return on_thread[0].id == run.id  # a new thread was asked for, so it must be the one that began its thread
