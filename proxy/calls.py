"""One call to a model: who asks for what, what it may cost at most, and what became of it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from proxy.budgets import Budget
from proxy.pricing import Price

CUT_OFF = "cut off before the answer was complete: the client left, or the proxy was stopped"


@dataclass(frozen=True)
class ModelCall:
    """Who asks for what, from which run and node, and what it may cost at most."""

    key_id: UUID
    caller: str
    run_id: UUID | None
    node: str | None
    route: str
    asked_model: str
    price: Price
    most_usd: Decimal
    budgets: Sequence[Budget]


@dataclass
class Outcome:
    """What became of a call; filled while its answer passes through."""

    generation_id: str | None = None
    served_model: str | None = None
    provider: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: Decimal | None = None
    error: str | None = None
    may_be_billed: bool = False  # from the moment the provider is asked, until it refuses
    attempts: int = 0

    @property
    def status(self) -> str:
        """A known cost counts whatever went wrong besides."""
        if self.cost_usd is not None:
            return "settled"
        return "open" if self.may_be_billed else "failed"

    @property
    def columns(self) -> dict[str, Any]:
        """As `proxy.settle` takes them."""
        return {"status": self.status, **vars(self)}

    def price(self, price: Price) -> None:
        """Where the provider lists no prices, it says no cost either."""
        if self.cost_usd is None and self.may_be_billed and not price.is_listed:
            self.cost_usd = price.of(self.prompt_tokens, self.completion_tokens)

    def cut_off(self) -> None:
        """Say so, unless the cost is known: the answer was at its end then."""
        if self.cost_usd is None:
            self.note(CUT_OFF)

    def note(self, error: str) -> None:
        """The first error is the cause of the next ones."""
        self.error = self.error or error


@dataclass(eq=False)
class Entry:
    """One row of the ledger."""

    call: ModelCall
    id: UUID = field(default_factory=uuid4)
    started: float = field(default_factory=time.monotonic)
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def reservation(self) -> dict[str, Any]:
        """What `proxy.reserve` takes."""
        call = self.call
        return {
            "id": self.id,
            "key_id": call.key_id,
            "caller": call.caller,
            "run_id": call.run_id,
            "node": call.node,
            "route": call.route,
            "asked_model": call.asked_model,
            "reserved_usd": call.most_usd,
            "budgets": call.budgets,
        }

    @property
    def latency_ms(self) -> int:
        """Since the call began."""
        return round((time.monotonic() - self.started) * 1000)

    @property
    def row(self) -> dict[str, Any]:
        """The columns that complete the row, as `proxy.settle` takes them."""
        self.outcome.price(self.call.price)
        return {"id": self.id, "latency_ms": self.latency_ms, **self.outcome.columns}
