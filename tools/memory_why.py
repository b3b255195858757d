"""Why something is remembered: where it came from, and what was asked in the run that it came from."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from tools.memory_client import Memory, MemoryClient


@dataclass(frozen=True)
class Asked:
    """What a run was asked, where and when."""

    message: str
    thread_id: UUID
    at: datetime


FindAsked = Callable[[UUID, str], Awaitable[Asked | None]]  # a run and a user; None: that user has no such run


class Why(BaseModel):
    """The way back from a memory."""

    id: str
    text: str
    said_at: datetime
    source: str = Field(description="person, tool, turn, hook, import or journal", examples=["turn"])
    name: str = Field(description="which tool, hook or file", examples=["memory_save"])
    trust: str = Field(description="whose words they are: person, agent or untrusted")
    tainted: bool = Field(description="it comes from a conversation that held text which others wrote")
    state: str = Field(examples=["served"])
    run_id: UUID | None = Field(description="the run it came from")
    thread_id: UUID | None
    asked: str | None = Field(description="what that run was asked; null: it came from none, or it was deleted")
    asked_at: datetime | None

    @classmethod
    def of(cls, memory: Memory, asked: Asked | None) -> Self:
        """A memory with what is known of its run."""
        source = memory.source
        return cls(
            id=memory.id,
            text=memory.text,
            said_at=memory.created_at,
            source=source.kind,
            name=source.name,
            trust=memory.trust,
            tainted=memory.tainted,
            state=memory.state,
            run_id=source.run_id,
            thread_id=asked.thread_id if asked else None,
            asked=asked.message if asked else None,
            asked_at=asked.at if asked else None,
        )


async def explain(client: MemoryClient, find_asked: FindAsked, *, user_id: str, memory_id: str) -> Why:
    """Why this user's memory is there. A run or thread of somebody else's is never told, whatever the memory says."""
    memory = await client.get(user_id=user_id, memory_id=memory_id)
    run_id = memory.source.run_id
    return Why.of(memory, await find_asked(run_id, user_id) if run_id else None)
