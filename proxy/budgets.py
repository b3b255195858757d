"""Which caps a call must fit into, and what is said when it does not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from proxy.keys import Key
from proxy.refusals import RefusedError

SOURCES = {
    "all": ("pilothouse_budget", "PILOTHOUSE_BUDGET_USD", "raise PILOTHOUSE_BUDGET_USD"),
    "day": ("pilothouse_day_budget", "of today (UTC)", "wait until midnight UTC, or raise PILOTHOUSE_BUDGET_DAY_USD"),
    "key": (
        "pilothouse_key_budget",
        "of this key",
        "use another key, or make one with more: bin/pilothouse keys create",
    ),
    "key_day": (
        "pilothouse_key_day_budget",
        "of this key for today (UTC)",
        "wait until midnight UTC, or use another key",
    ),
    "run": ("pilothouse_run_budget", "of this run", "allow the run more, or ask a narrower question"),
}


@dataclass(frozen=True)
class Budget:
    """One cap; without a limit it only counts."""

    kind: str
    subject: str
    limit_usd: Decimal | None


@dataclass(frozen=True)
class Caps:
    """What a person set for everything together."""

    usd: Decimal | None
    day_usd: Decimal | None

    def of(self, key: Key, *, run_id: UUID | None, run_usd: Decimal | None, now: datetime) -> Sequence[Budget]:
        """Every budget a call with this key is a part of. A run without a budget is not counted by itself."""
        day = now.date().isoformat()
        budgets = [
            Budget("all", "", self.usd),
            Budget("day", day, self.day_usd),
            Budget("key", str(key.id), key.budget_usd),
            Budget("key_day", f"{key.id}:{day}", key.budget_day_usd),
        ]
        return [*budgets, Budget("run", str(run_id), run_usd)] if run_id and run_usd is not None else budgets


def require_room(refused_by: str | None, *, left_usd: Decimal | None, most_usd: Decimal, model: str) -> None:
    """Raise when a budget had no room."""
    if refused_by is None:
        return
    source, whose, hint = SOURCES[refused_by]
    left = max(left_usd or Decimal(0), Decimal(0))
    message = f"a call to {model} may cost up to {_usd(most_usd)} USD, and the budget {whose} has {_usd(left)} USD left"
    raise RefusedError(message, status=402, limit_source=source, hint=f"{hint}; a smaller max_tokens reserves less")


def _usd(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
