"""Routes about halts: anybody with a key may stop entries, only an approver's signature lets them go on."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from broker.figures import Instant
from broker.halt import MAX_REASON_CHARS, Halt
from broker.services import Called, Caller
from broker.statements import SignedStatement

router = APIRouter()


class HaltRequest(BaseModel):
    """Why, and who asks."""

    reason: str = Field(min_length=1, max_length=MAX_REASON_CHARS, examples=["prices look wrong"])
    user_id: str = Field(min_length=1, max_length=200, examples=["owner"])


class HaltView(BaseModel):
    """A halt that is not lifted. `id` is what an approver signs to lift it."""

    id: UUID
    reason: str = Field(examples=["prices look wrong"])
    halted_by: str = Field(examples=["owner"])
    halted_at: Instant


class HaltState(BaseModel):
    """Whether entries are stopped; null when they are not."""

    halt: HaltView | None


@router.get("/halt")
async def show_halt(services: Called) -> HaltState:
    """Whether entries are stopped, since when, and why."""
    return _state(await services.halts.current())


@router.post("/halt")
async def halt(services: Called, caller: Caller, body: HaltRequest) -> HaltState:
    """Stop all entries, also Freqtrade's own. Exits stay possible."""
    return _state(await services.halts.halt(body.reason, by=f"{body.user_id} through {caller}"))


@router.post("/halt/resume")
async def resume(services: Called, body: SignedStatement) -> HaltState:
    """Let entries go on: signed `resume`, about the halt's id, by an approver."""
    await services.halts.resume(body)
    return _state(await services.halts.current())


def _state(halt: Halt | None) -> HaltState:
    return HaltState(halt=None if halt is None else HaltView(**vars(halt)))
