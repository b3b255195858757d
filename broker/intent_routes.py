"""Routes about intents. A caller names the user; other users' intents do not exist for them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from broker.intent_views import IntentView
from broker.intents import IntentRequest, State
from broker.services import Called, Caller
from broker.usage import LimitsView

MAX_INTENTS = 500

router = APIRouter()

Of = Annotated[str, Query(alias="user_id", min_length=1, max_length=200, description="Whose intents are seen")]


class IntentsView(BaseModel):
    """Intents of a user, the newest first."""

    intents: list[IntentView]


@router.post("/intents")
async def propose(services: Called, caller: Caller, body: IntentRequest) -> IntentView:
    """Judge a proposal. The same key with the same body is the same intent; with another one it is refused (409)."""
    intent = await services.desk.propose(caller, body)
    if intent.state == "approved":
        services.submissions.wake()
    return IntentView.of(intent)


@router.get("/intents")
async def list_intents(
    services: Called,
    user_id: Of,
    state: Annotated[list[State] | None, Query(description="Only those in one of these")] = None,
    key: Annotated[str | None, Query(max_length=200, description="Only the one that was proposed with it")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_INTENTS)] = 50,
) -> IntentsView:
    """A user's intents, the newest first."""
    found = await services.books.newest(user_id=user_id, states=state, key=key, limit=limit)
    return IntentsView(intents=[IntentView.of(each) for each in found])


@router.get("/intents/{intent_id}")
async def show_intent(services: Called, intent_id: UUID, user_id: Of) -> IntentView:
    """One intent of a user."""
    return IntentView.of(await services.books.get_own(intent_id, user_id=user_id))


@router.get("/limits")
async def show_limits(services: Called) -> LimitsView:
    """The policy in force, and how much of it is used."""
    return await services.desk.limits()
