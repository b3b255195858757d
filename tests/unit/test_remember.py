"""What a finished turn hands to memory."""

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from agents.deps import Deps, RunContext
from agents.nodes.remember import remember
from agents.state import State
from tests.unit.test_think_limits import Journal, Model, make_run
from tools.memory_client import Memory

BEFORE, SHOWN, FOUND, OTHER = (str(uuid.uuid4()) for _ in range(4))


@dataclass
class Queue:
    """Stands where memory would take the turn."""

    turns: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    async def search(self, *, user_id: str, query: str, limit: int) -> list[Memory]:
        """Nothing."""
        _ = user_id, query, limit
        return []

    async def queue_turn(self, **turn: Any) -> None:
        """Taken."""
        self.turns.append(turn)


def answered(name: str, memory_id: str) -> ToolMessage:
    """A tool that told of one memory."""
    return ToolMessage(json.dumps({"memories": [{"id": memory_id}]}), tool_call_id="1", name=name)


async def hand_over(state: State, run: RunContext) -> list[dict[str, Any]]:
    """The turns that reach memory."""
    queue = Queue()
    deps = Deps(model=Model(), memory=queue, tools={}, schemas=[], clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    await remember(state, deps, run)
    return queue.turns


async def test_a_turn_names_what_its_model_was_shown_at_the_start_and_what_it_searched_for() -> None:
    state: State = {
        "messages": [
            HumanMessage("An earlier question"),
            answered("memory_search", BEFORE),
            AIMessage("An earlier answer"),
            HumanMessage("When do I trade?"),
            answered("memory_search", FOUND),
            answered("memory_search", SHOWN),
            answered("database_query", OTHER),
            AIMessage("On weekdays"),
        ],
        "recalled": [SHOWN],
    }

    [turn] = await hand_over(state, make_run(spent_usd=None, journal=Journal()))

    assert set(turn["recalled"]) == {SHOWN, FOUND}
    assert [message["content"] for message in turn["messages"]] == ["When do I trade?", "On weekdays"]


async def test_a_tainted_thread_hands_over_nothing() -> None:
    run = make_run(spent_usd=None, journal=Journal())
    await run.taint()

    assert await hand_over({"messages": [HumanMessage("a"), AIMessage("b")]}, run) == []
