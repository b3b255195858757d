"""What has ended, as the controller's journal reads it from the broker. Figures are exact."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel

from tools.broker_client import TradingClient

PAGE = 20


class Fill(BaseModel):
    """What was traded for an intent."""

    trade_id: int
    amount: Decimal
    cost: Decimal
    price: Decimal


class EndedIntent(BaseModel):
    """An intent that reached an end. What a model or a person wrote about it is left out."""

    id: str
    user_id: str
    thread_id: str
    run_id: str
    tainted: bool
    action: str
    pair: str
    stake: Decimal | None
    trade_id: int | None
    amount: Decimal | None
    price_seen: Decimal
    mode: str
    state: str
    refused_for: list[str]
    fill: Fill | None
    replaced_by: str | None
    created_at: datetime
    ended_at: datetime


class Endings(BaseModel):
    """The oldest first; `place` is where to go on from."""

    intents: list[EndedIntent]
    place: int


class ClosedTrade(BaseModel):
    """A trade that was closed."""

    trade_id: int
    pair: str
    stake: Decimal
    open_rate: Decimal
    close_rate: Decimal | None
    opened_at: datetime
    closed_at: datetime
    realised_profit: Decimal | None
    profit_ratio: Decimal | None
    exit_reason: str | None


class ClosedTrades(BaseModel):
    """Those that were asked for and are closed."""

    trades: list[ClosedTrade]


@dataclass(frozen=True)
class EndingsClient:
    """The broker's routes about what has ended."""

    broker: TradingClient

    async def after(self, place: int) -> Endings:
        """Everybody's intents that ended after this place."""
        return await self.broker.ask("/endings", Endings, {"after": place, "limit": PAGE})

    async def closed(self, trade_ids: Sequence[int]) -> list[ClosedTrade]:
        """Which of these trades were closed."""
        answer = await self.broker.ask("/endings/trades", ClosedTrades, {"trade_id": [str(each) for each in trade_ids]})
        return answer.trades
