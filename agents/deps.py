"""What the nodes need, given to `build_graph`; nodes never make clients of their own."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from agents.events import Event
from agents.journal import Journal
from pilothouse.clock import Clock
from pilothouse.models import Answer, Request
from tools.memory_client import Memory
from tools.registry import Tool


class Model(Protocol):
    """A model behind the proxy."""

    async def complete(self, request: Request, on_text: Callable[[str], None]) -> Answer:
        """One whole answer, or an error."""
        ...


class MemoryStore(Protocol):
    """The memory process."""

    async def search(self, *, user_id: str, query: str, limit: int) -> Sequence[Memory]:
        """What is remembered about the query; empty when memory is down."""
        ...

    async def queue_turn(
        self,
        *,
        user_id: str,
        key: str,
        run_id: str,
        thread_id: str,
        messages: Sequence[Mapping[str, str]],
        recalled: Sequence[str],
    ) -> None:
        """Hand a turn over to be remembered; repeated with the same key it is stored once."""
        ...


@dataclass(frozen=True)
class Deps:
    """Everything outside the graph."""

    model: Model
    memory: MemoryStore
    tools: Mapping[str, Tool]
    schemas: Sequence[Mapping[str, Any]]  # the tools as the model sees them
    clock: Clock


@dataclass
class RunContext:
    """The run a node works for. Not part of the state: never stored in a checkpoint."""

    run_id: str
    thread_id: str
    user_id: str
    model: str
    max_model_calls: int
    budget_usd: Decimal | None
    emit: Callable[[Event], None]
    spent_usd: Callable[[], Decimal | None]  # None: a provider did not say what a call cost
    attempt: int
    journal: Journal
    mark_tainted: Callable[[str], Awaitable[None]]
    note_awaited: Callable[[str], Awaitable[None]]  # the thread is to be told what becomes of this intent
    tainted: bool = False

    async def taint(self) -> None:
        """Mark the thread for good, before text that others wrote can enter it."""
        if not self.tainted:
            await self.mark_tainted(self.thread_id)
            self.tainted = True
