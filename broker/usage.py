"""How much of the limits is used now, for whoever asks before proposing. What is not known is null, never zero."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, Self

from pydantic import BaseModel, Field

from broker.bot_side import NoDataError
from broker.figures import Figure
from broker.snapshot import Snapshot

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Usage(BaseModel):
    """What counts against the limits, in the stake currency where it is money."""

    open_trades: int | None = Field(examples=[2])
    exposure: Figure | None = Field(examples=["70"])
    free_balance: Figure | None = Field(examples=["930"])
    orders_last_hour: int | None = Field(examples=[2])
    orders_last_day: int | None = Field(examples=[5])
    result_today: Figure | None = Field(description="Realised and open; below zero is a loss", examples=["-1.2"])
    halted: str = Field(description="Why no entry is let through now, or empty", examples=[""])

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """As both books say it at one instant."""
        figures: dict[str, Callable[[], int | Decimal]] = {
            "open_trades": lambda: snapshot.open_count,
            "exposure": lambda: snapshot.exposure,
            "free_balance": lambda: snapshot.free,
            "orders_last_hour": lambda: snapshot.entries_within(HOUR),
            "orders_last_day": lambda: snapshot.entries_within(DAY),
            "result_today": lambda: snapshot.result_today,
        }
        known = {name: _known(figure) for name, figure in figures.items()}
        return cls.model_validate({**known, "halted": snapshot.books.halted})


class LimitsView(BaseModel):
    """The policy in force, and how much of it is used."""

    policy: dict[str, Any] = Field(examples=[{"mode": "dry", "max_stake": "100"}])
    used: Usage


def _known(figure: Callable[[], int | Decimal]) -> int | Decimal | None:
    try:
        return figure()
    except NoDataError:
        return None
