"""Routes about decisions: who may make them, what waits for one, and one made. Whoever calls only relays."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from broker.approvers import Pairing
from broker.figures import Instant
from broker.intent_views import IntentView
from broker.services import Called
from broker.statements import SignedStatement

router = APIRouter()

Of = Annotated[str, Query(alias="user_id", min_length=1, max_length=200, description="Whose intents are seen")]


class ApproverView(BaseModel):
    """A paired key. `revoked_at`: since when nothing it signs counts."""

    id: UUID
    name: str = Field(examples=["ada"])
    public_key: str
    paired_at: Instant
    revoked_at: Instant | None


class ApproversView(BaseModel):
    """Everybody who was ever paired."""

    approvers: list[ApproverView]


@router.get("/approvers")
async def list_approvers(services: Called) -> ApproversView:
    """Who may decide, and who no longer."""
    found = await services.approvers.list_all()
    return ApproversView(approvers=[ApproverView(**vars(each)) for each in found])


@router.post("/approvers")
async def pair(services: Called, body: Pairing) -> ApproverView:
    """Let a key decide; needs proof that the pairing secret was at hand."""
    return ApproverView(**vars(await services.approvers.pair(body)))


@router.post("/approvers/{approver_id}/revoke")
async def revoke(services: Called, approver_id: UUID, body: SignedStatement) -> ApproverView:
    """Believe a key no more; signed by an approver."""
    return ApproverView(**vars(await services.approvers.revoke(approver_id, body)))


@router.post("/intents/{intent_id}/decision")
async def decide(services: Called, intent_id: UUID, user_id: Of, body: SignedStatement) -> IntentView:
    """Carry out what an approver has signed about an intent."""
    intent = await services.decisions.decide(intent_id, body, user_id=user_id)
    services.submissions.wake()
    return IntentView.of(intent)
