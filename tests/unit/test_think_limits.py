"""What a run may use is checked before each model call, and what a model asks for before any of it runs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import HumanMessage

from agents.deps import Deps, RunContext
from agents.nodes.think import MAX_CALLS, think
from agents.state import State
from pilothouse.errors import ForbiddenError, IncompleteAnswerError
from pilothouse.models import Answer, Request, ToolCall, Usage
from tools.memory_client import Memory


@dataclass
class Model:
    """Stands where the proxy would answer."""

    calls: int = 0
    asked: int = 0

    async def complete(self, request: Request, on_text: Callable[[str], None]) -> Answer:
        """As many tool calls as it was told to ask for."""
        _ = on_text
        self.asked += 1
        tools = tuple(ToolCall(f"c{number}", "look", "{}") for number in range(self.calls))
        return Answer("", tools, Usage(request.model, request.model, "p", 1, 1, Decimal("0.1")))


class NoMemory:
    """Remembers nothing."""

    async def search(self, *, user_id: str, query: str, limit: int) -> list[Memory]:
        """Nothing."""
        _ = user_id, query, limit
        return []

    async def queue_turn(self, **_: Any) -> None:
        """Nothing."""


@dataclass
class Journal:
    """In memory."""

    steps: dict[str, Any] = field(default_factory=dict[str, Any])

    def recorded(self, step: str) -> Any:
        """By an earlier attempt."""
        return self.steps.get(step)

    async def record(self, step: str, result: dict[str, Any]) -> None:
        """Kept."""
        self.steps[step] = result


def make_deps(model: Model) -> Deps:
    """A graph's outside, with this model."""
    return Deps(model=model, memory=NoMemory(), tools={}, schemas=[], clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))


def make_run(*, spent_usd: Decimal | None, budget_usd: Decimal | None = Decimal(1), journal: Journal) -> RunContext:
    """A run that spent this much so far."""

    async def mark_tainted(_: str) -> None:
        """Nobody looks."""

    return RunContext(
        run_id=str(uuid4()),
        thread_id=str(uuid4()),
        user_id="ada",
        model="m",
        max_model_calls=2,
        budget_usd=budget_usd,
        emit=lambda _: None,
        spent_usd=lambda: spent_usd,
        attempt=1,
        journal=journal,
        mark_tainted=mark_tainted,
        note_awaited=mark_tainted,
    )


def asked(rounds: int = 0) -> State:
    """A thread with one question."""
    return {"messages": [HumanMessage("Look", id="1")], "rounds": rounds}


@pytest.mark.parametrize(
    ("spent_usd", "refusal"),
    [(Decimal(1), "used up"), (Decimal("1.01"), "used up"), (None, "does not say what a call cost")],
)
async def test_with_a_budget_no_call_begins_that_it_may_not_cover(spent_usd: Decimal | None, refusal: str) -> None:
    model = Model()

    with pytest.raises(ForbiddenError, match=refusal):
        await think(asked(), make_deps(model), make_run(spent_usd=spent_usd, journal=Journal()))

    assert model.asked == 0


@pytest.mark.parametrize(("budget_usd", "spent_usd"), [(None, None), (Decimal(1), Decimal("0.99"))])
async def test_within_the_budget_or_without_one_the_model_is_asked(
    budget_usd: Decimal | None, spent_usd: Decimal | None
) -> None:
    model = Model()

    await think(asked(), make_deps(model), make_run(spent_usd=spent_usd, budget_usd=budget_usd, journal=Journal()))

    assert model.asked == 1


async def test_the_call_too_many_is_not_made() -> None:
    model = Model()

    with pytest.raises(IncompleteAnswerError, match="2 times"):
        await think(asked(rounds=2), make_deps(model), make_run(spent_usd=Decimal(0), journal=Journal()))

    assert model.asked == 0


async def test_an_answer_that_asks_for_too_many_tools_is_refused_before_it_is_accepted() -> None:
    journal = Journal()

    with pytest.raises(IncompleteAnswerError, match="none was run"):
        await think(asked(), make_deps(Model(MAX_CALLS + 1)), make_run(spent_usd=Decimal(0), journal=journal))

    assert journal.steps == {}
