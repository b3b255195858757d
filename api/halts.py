"""/api/halt: stop all entries, look whether they are stopped, and carry the signature that lets them go on."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from api.access import Key, needs
from api.refusals import refusals
from api.requests import STRICT
from tools.approvals_client import SignedStatement
from tools.halts_client import HaltRequest, HaltsClient, HaltState

router = APIRouter(prefix="/api/halt", tags=["halt"], dependencies=STRICT)

REFUSALS = refusals(
    {
        403: "no key made for a person, or the signature does not count",
        404: "nothing is halted",
        409: "the same statement was used before",
        503: "the broker or the database cannot be reached",
        504: "the broker did not answer in time",
    }
)


async def broker(request: Request) -> HaltsClient:
    """The broker's routes about halts."""
    return HaltsClient(request.app.state.broker)


Person = Annotated[Key, Depends(needs("money:decide"))]
Reader = Annotated[Key, Depends(needs("trading:read"))]
Broker = Annotated[HaltsClient, Depends(broker)]


@router.get("", responses=REFUSALS)
async def show(_: Reader, broker: Broker) -> HaltState:
    """Whether entries are stopped, since when, and why."""
    return await broker.current()


@router.post("", responses=REFUSALS)
async def halt(key: Person, broker: Broker, body: HaltRequest) -> HaltState:
    """Stop all entries, the bot's own too. Exits stay possible."""
    return await broker.halt(body.reason, user_id=key.user_id)


@router.post("/resume", responses=REFUSALS)
async def resume(_: Person, broker: Broker, body: SignedStatement) -> HaltState:
    """Carry a signed `resume` about the halt's id to the broker."""
    return await broker.resume(body)
