"""What goes in and comes out of the engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Floats = np.ndarray[Any, np.dtype[np.float32]]

Kind = Literal["note", "fact", "decision", "backtest", "outcome"]
Trust = Literal["person", "agent", "untrusted"]
State = Literal["served", "quarantined", "superseded"]
SourceKind = Literal["person", "tool", "turn", "hook", "import", "journal"]


FigureName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
Figure = Annotated[Decimal, Field(max_digits=40, decimal_places=20)]  # written out it stays short
Link = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]


class Source(BaseModel):
    """Where a memory comes from, so that "why do you know this" has an answer. `name`: which tool, hook or file."""

    model_config = ConfigDict(extra="forbid")

    kind: SourceKind
    name: str = Field(default="", max_length=200)
    run_id: UUID | None = None
    thread_id: UUID | None = None
    turn_id: UUID | None = None


class Subject(BaseModel):
    """What a trading memory is about. Figures are decimals under names with their unit, as `profit_pct`."""

    model_config = ConfigDict(extra="forbid")

    strategy: str | None = Field(default=None, max_length=100)
    pair: str | None = Field(default=None, max_length=40)
    timeframe: str | None = Field(default=None, max_length=10)
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    figures: dict[FigureName, Figure] = Field(default_factory=dict[str, Decimal], max_length=40)
    links: list[Link] = Field(default_factory=list[str], max_length=20)


class Memory(BaseModel):
    """One thing remembered. `tainted`: it comes only from conversations that held text which others wrote.

    `trust` says whose words they are: a person's own, the agent's (found in a clean conversation), or untrusted.
    """

    id: str
    text: str
    kind: Kind
    state: State
    trust: Trust
    tainted: bool
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    superseded_by: str | None
    source: Source
    subject: Subject | None
    score: float = 0.0


class Line(BaseModel):
    """A memory as it is exported and imported. `tainted` has no default: nobody washes the taint off by leaving it out.

    `id` ties `superseded_by` to its line; an import gives ids of its own.
    """

    model_config = ConfigDict(extra="forbid")

    id: UUID | None = None
    text: str = Field(min_length=1, max_length=4000)
    kind: Kind = "note"
    state: State | None = None
    trust: Trust | None = None
    tainted: bool
    created_at: AwareDatetime
    updated_at: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None
    superseded_by: UUID | None = None
    superseded_at: AwareDatetime | None = None
    source: Source
    subject: Subject | None = None


@dataclass(frozen=True)
class Note:
    """A text to be kept. `key` is the digest under which a repeated request is recognised."""

    text: str
    key: str
    source: Source
    at: datetime
    tainted: bool
    kind: Kind = "note"
    expires_at: datetime | None = None
    subject: Subject | None = None


@dataclass(frozen=True)
class Change:
    """A person's new words for a memory. `expires_at` counts only where `sets_expiry`; None is forever."""

    id: str
    text: str
    sets_expiry: bool
    expires_at: datetime | None


class MemoryEvent(BaseModel):
    """What once happened to a memory."""

    event: str
    at: datetime
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Row:
    """What the store holds under an id. `payload` is made and read in `memory.payload` alone."""

    id: str
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class NewRow(Row):
    """A row with its meaning as a vector."""

    vector: list[float]


@dataclass(frozen=True)
class WholeRow(Row):
    """A row as read with its meaning and its keywords: how much each weighs in it, by the encoder's number."""

    vector: Floats
    keywords: Mapping[int, float]


@dataclass(frozen=True)
class Saved:
    """`created`: stored now. `duplicate`: these words were known, under another key."""

    id: str
    text: str
    state: State
    created: bool
    duplicate: bool


class Message(BaseModel):
    """What a person or the assistant said. Nothing else reaches extraction: no tool output, no system text."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True)
class Turn:
    """A piece of conversation that waits for extraction. `recalled`: the memories the model was shown in it."""

    id: UUID
    scope: str
    run_id: UUID | None
    thread_id: UUID | None
    messages: list[Message]
    recalled: list[str]
    queued_at: datetime
    attempts: int
