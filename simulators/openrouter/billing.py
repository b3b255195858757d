"""What the twin billed, so that a test can compare a ledger with the other side's bill.

Kept in memory only: the last 10,000 bills in full, the totals for all of them since start or reset.
A call refused, and a stream that produced nothing, is not billed; one that broke midway is billed for what it produced.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

KEPT_BILLS = 10_000


@dataclass(frozen=True)
class Bill:
    """One call, as /twin/billed and /generation show it."""

    generation_id: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    cost_usd: Decimal
    streamed: bool
    cancelled: bool
    finish_reason: str | None
    duration_ms: int
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def row(self) -> dict[str, Any]:
        """As /twin/billed lists it."""
        return {
            "generation_id": self.generation_id,
            "model": self.model,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "tokens": self.prompt_tokens + self.completion_tokens,
            "cost_usd": f"{self.cost_usd:f}",
            "finish_reason": self.finish_reason,
            "at": self.at.isoformat(),
        }


class Billing:
    """The till: bounded list of bills, exact running totals."""

    def __init__(self) -> None:
        self._bills: OrderedDict[str, Bill] = OrderedDict()
        self.reset()

    def reset(self) -> None:
        """Forget every bill."""
        self._bills.clear()
        self.count = 0
        self.total_usd = Decimal(0)

    def add(self, bill: Bill) -> None:
        """Book one call; the oldest leaves when the list is full."""
        self._bills[bill.generation_id] = bill
        self.count += 1
        self.total_usd += bill.cost_usd
        if len(self._bills) > KEPT_BILLS:
            self._bills.popitem(last=False)

    def find(self, generation_id: str) -> Bill | None:
        """The bill of one generation, while it is kept."""
        return self._bills.get(generation_id)

    def statement(self) -> dict[str, Any]:
        """The answer of GET /twin/billed."""
        return {
            "billed": [bill.row() for bill in self._bills.values()],
            "count": self.count,
            "total_usd": f"{self.total_usd:f}",
        }
