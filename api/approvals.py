"""/api/intents and /api/approvers: what waits for a person, and decisions carried to the broker.

Only people's keys come in here, and even they decide nothing: the broker believes signatures, whoever brings them.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from api.access import Key, needs
from api.refusals import refusals
from api.requests import STRICT
from tools.approvals_client import (
    ApprovalsClient,
    ApproversView,
    ApproverView,
    DecisionView,
    IntentsView,
    IntentView,
    Pairing,
    SignedStatement,
)

router = APIRouter(prefix="/api", tags=["approvals"], dependencies=STRICT)

REFUSALS = refusals(
    {
        403: "no key made for a person, or the signature does not count",
        404: "no such intent of yours, or no such approver",
        409: "it was decided before, has expired, or the same statement was used before",
        503: "the broker or the database cannot be reached",
        504: "the broker did not answer in time",
    }
)
MAX_INTENTS = 500  # as many as the broker gives


class MintedLink(BaseModel):
    """Where the link leads, and how long it is good if it is not used."""

    url: str = Field(examples=["http://127.0.0.1:8700/api/links/Zm9v..."])
    expires_at: datetime


async def broker(request: Request) -> ApprovalsClient:
    """The broker's routes about decisions."""
    return ApprovalsClient(request.app.state.broker)


Person = Annotated[Key, Depends(needs("money:decide"))]
Broker = Annotated[ApprovalsClient, Depends(broker)]


@router.get("/intents", responses=REFUSALS)
async def list_intents(
    key: Person,
    broker: Broker,
    state: Annotated[list[str] | None, Query(description="only those in one of these", max_length=20)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_INTENTS)] = 50,
) -> IntentsView:
    """What was proposed with money of yours, the newest first."""
    return await broker.newest(user_id=key.user_id, states=state or (), limit=limit)


@router.get("/intents/{intent_id}", responses=REFUSALS)
async def get_intent(key: Person, broker: Broker, intent_id: UUID) -> IntentView:
    """One intent of yours; other people's do not exist for you."""
    return await broker.show(intent_id, user_id=key.user_id)


@router.post("/intents/{intent_id}/decision", responses=REFUSALS)
async def decide(key: Person, broker: Broker, intent_id: UUID, body: SignedStatement) -> DecisionView:
    """Carry a signed decision to the broker: `approve`, `reject` or `edit`; `filled` or `failed` of what is unknown."""
    return await broker.decide(intent_id, body, user_id=key.user_id)


@router.post("/intents/{intent_id}/links", responses=REFUSALS)
async def mint_link(request: Request, key: Person, broker: Broker, intent_id: UUID) -> MintedLink:
    """A link that decides this intent, once, for whoever holds it. It is told this once."""
    minted = await broker.mint(intent_id, user_id=key.user_id)
    return MintedLink(url=str(request.url_for("show_offer", token=minted.token)), expires_at=minted.expires_at)


@router.get("/approvers", responses=REFUSALS)
async def list_approvers(_: Person, broker: Broker) -> ApproversView:
    """Whose signatures count, and whose no longer."""
    return await broker.approvers()


@router.post("/approvers", responses=REFUSALS)
async def pair(_: Person, broker: Broker, body: Pairing) -> ApproverView:
    """Pair a public key; its proof needs the pairing secret, which only the owner of the stack has."""
    return await broker.pair(body)


@router.post("/approvers/{approver_id}/revoke", responses=REFUSALS)
async def revoke(_: Person, broker: Broker, approver_id: UUID, body: SignedStatement) -> ApproverView:
    """Carry a signed revocation to the broker."""
    return await broker.revoke(approver_id, body)
