"""Routes of links. Looking decides nothing: mail programs and chats open every link they see."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from broker.figures import Instant
from broker.intent_views import IntentView
from broker.services import Called

router = APIRouter()

Of = Annotated[str, Query(alias="user_id", min_length=1, max_length=200, description="Whose intents are seen")]
Token = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{43}$")]


class LinkView(BaseModel):
    """A fresh link: its token is told this once."""

    token: str
    expires_at: Instant


class OfferView(BaseModel):
    """What a link is about."""

    intent: IntentView
    only_reject: str = Field(description="Why it may not approve, or empty", examples=[""])


@router.post("/intents/{intent_id}/links")
async def mint(services: Called, intent_id: UUID, user_id: Of) -> LinkView:
    """A link for an intent that waits; it decides once, and approves no more than the policy's `link_stake`."""
    return LinkView(**vars(await services.links.mint(intent_id, user_id=user_id)))


@router.get("/links/{token}")
async def look(services: Called, token: Token) -> OfferView:
    """What the link is about."""
    offer = await services.links.look(token)
    return OfferView(intent=IntentView.of(offer.intent), only_reject=offer.only_reject)


@router.post("/links/{token}/approve")
async def approve(services: Called, token: Token) -> IntentView:
    """Say yes, if a link may."""
    intent = await services.links.approve(token)
    services.submissions.wake()
    return IntentView.of(intent)


@router.post("/links/{token}/reject")
async def reject(services: Called, token: Token) -> IntentView:
    """Say no."""
    return IntentView.of(await services.links.reject(token))
