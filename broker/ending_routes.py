"""What has ended, for the controller's journal: of all users, so that it asks once for everybody."""

from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from broker.endings import ClosedTrade, EndedIntent
from broker.figures import Figure, Instant
from broker.intents import MAX_TRADE_ID, Action, Mode, State
from broker.services import Called

MAX_ENDINGS = 100

router = APIRouter()

TradeId = Annotated[int, Field(ge=1, le=MAX_TRADE_ID)]


class EndedIntentView(BaseModel):
    """An intent that reached an end, without anything a model or a person wrote about it."""

    id: UUID
    user_id: str
    thread_id: str
    run_id: str
    tainted: bool
    action: Action
    pair: str = Field(examples=["ETH/USDT"])
    stake: Figure | None
    trade_id: int | None = Field(description="The trade to leave; exits only")
    amount: Figure | None
    price_seen: Figure
    mode: Mode
    state: State
    refused_for: list[str] = Field(description="The codes of its refusals", examples=[["max_stake"]])
    fill: dict[str, Any] | None
    replaced_by: UUID | None
    created_at: Instant
    ended_at: Instant

    @classmethod
    def of(cls, intent: EndedIntent) -> Self:
        """As callers see it."""
        return cls(refused_for=[each["code"] for each in intent.refusals], **vars(intent))


class EndingsView(BaseModel):
    """The oldest first; `place` is the `after` of the next question."""

    intents: list[EndedIntentView]
    place: int


class ClosedTradeView(BaseModel):
    """A trade that was closed."""

    trade_id: int
    pair: str
    stake: Figure
    open_rate: Figure
    close_rate: Figure | None
    opened_at: Instant
    closed_at: Instant
    realised_profit: Figure | None
    profit_ratio: Figure | None = Field(description="Of what was paid for it, with the fee")
    exit_reason: str | None = Field(description="Free text of the strategy", examples=["roi"])

    @classmethod
    def of(cls, trade: ClosedTrade) -> Self:
        """As callers see it."""
        return cls(profit_ratio=trade.profit_ratio, **vars(trade))


class ClosedTradesView(BaseModel):
    """Those that were asked for and are closed."""

    trades: list[ClosedTradeView]


@router.get("/endings")
async def list_endings(
    services: Called,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_ENDINGS)] = MAX_ENDINGS,
) -> EndingsView:
    """Everybody's intents that ended after a place in the audit log."""
    found, place = await services.endings.intents(after=after, limit=limit)
    return EndingsView(intents=[EndedIntentView.of(each) for each in found], place=place)


@router.get("/endings/trades")
async def list_closed_trades(
    services: Called, trade_id: Annotated[list[TradeId], Query(min_length=1, max_length=MAX_ENDINGS)]
) -> ClosedTradesView:
    """Which of these trades were closed, and how they ended."""
    found = await services.endings.trades(trade_id)
    return ClosedTradesView(trades=[ClosedTradeView.of(each) for each in found])
