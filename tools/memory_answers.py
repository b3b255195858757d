"""What memory answers when a person looks after what is kept: history, counts, what became of an erasure or import."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class MemoryEvent(BaseModel):
    """What once happened to a memory."""

    event: str = Field(description="ADD, UPDATE, ADMIT, SUPERSEDE or RESTORE", examples=["ADD"])
    at: datetime
    old: str | None
    new: str | None


class Proof(BaseModel):
    """What was looked through for the erased words, and how many places still hold them."""

    files: int
    bytes: int
    left: int


class Forgotten(BaseModel):
    """How many memories are gone for good. `compacted`: the store's files were written anew without them."""

    forgotten: int
    proof: Proof
    compacted: bool
    reason: str | None = Field(default=None, description="why they were not")


class Refused(BaseModel):
    """A line that was not kept, counted from 1."""

    line: int
    reason: str


class Imported(BaseModel):
    """What became of an import."""

    stored: int
    known: int
    refused: list[Refused]


class Kept(BaseModel):
    """Memories, counted. `expired`: of the served ones; `unchecked`: not compared yet with similar older ones."""

    total: int
    by_state: dict[str, int]
    by_kind: dict[str, int]
    by_trust: dict[str, int]
    expired: int
    unchecked: int


class Offered(BaseModel):
    """What the gate did since a day. `drop_rate`: the share of what was offered that it dropped."""

    since: date | None
    offered: int
    stored: int
    dropped: dict[str, int]
    quarantined: int
    superseded: int
    redacted: int
    drop_rate: float | None


class Junk(BaseModel):
    """What got past the gate: served memories that say what another served one says."""

    looked_at: int
    near_duplicates: int
    junk_rate: float | None = Field(description="null: nothing is served yet")


class Stats(BaseModel):
    """How much is kept of a user, what the gate did, and how much junk there is."""

    memories: Kept
    gate: Offered
    served: Junk


class Reembedding(BaseModel):
    """Memories `from` another embedder's collection: how many `of` them have been given new vectors."""

    model_config = ConfigDict(serialize_by_alias=True)

    from_: str | None = Field(alias="from")
    done: int
    of: int
    state: Literal["nothing to do", "offered", "running"]
    last_error: str | None
