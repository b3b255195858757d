"""What goes in and comes out of the engine."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel


class Source(BaseModel):
    """Where a memory comes from, so that "why do you know this" has an answer."""

    kind: Literal["save", "turn"]
    run_id: UUID | None = None
    turn_id: UUID | None = None


class Memory(BaseModel):
    """One thing remembered. `tainted`: it comes only from conversations that held text which others wrote."""

    id: str
    text: str
    created_at: datetime
    score: float
    source: Source
    tainted: bool


@dataclass(frozen=True)
class Note:
    """A text somebody asked us to remember. `key` is the digest under which a repeated request is recognised."""

    text: str
    key: str
    run_id: UUID | None
    at: datetime
    tainted: bool


@dataclass(frozen=True)
class Saved:
    """`created`: stored now. `duplicate`: these words were known, under another key."""

    id: str
    text: str
    created: bool
    duplicate: bool


class Message(BaseModel):
    """What a person or the assistant said. Nothing else reaches extraction: no tool output, no system text."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True)
class Turn:
    """A piece of conversation that waits for extraction."""

    id: UUID
    scope: str
    run_id: UUID | None
    messages: list[Message]
    queued_at: datetime
    attempts: int
