"""Routes about decisions: who may make them, what waits for one, and one made. Whoever calls only relays."""

from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from broker.approvers import Pairing
from broker.edits import difference
from broker.figures import Instant
from broker.intent_views import IntentView
from broker.intents import Intent
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


class ChangeView(BaseModel):
    """One field of what is signed."""

    before: Any
    after: Any


class DecisionView(IntentView):
    """The intent after the decision. After an edit: the one that took its place, and what it would do differently."""

    edited: IntentView | None
    changes: dict[str, ChangeView]

    @classmethod
    def of_decided(cls, intent: Intent, edited: Intent | None) -> Self:
        """The two as callers see them."""
        found = difference(intent, edited) if edited else {}
        changes = {name: ChangeView(before=before, after=after) for name, (before, after) in found.items()}
        view = IntentView.of(edited) if edited else None
        return cls(**dict(IntentView.of(intent)), edited=view, changes=changes)


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
async def decide(services: Called, intent_id: UUID, user_id: Of, body: SignedStatement) -> DecisionView:
    """Carry out what an approver has signed about an intent; of an edit, it shows what took the intent's place."""
    intent = await services.decisions.decide(intent_id, body, user_id=user_id)
    services.submissions.wake()
    edited = await services.books.get(intent.replaced_by) if intent.replaced_by else None
    return DecisionView.of_decided(intent, edited)
