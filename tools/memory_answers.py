"""What memory answers when a person looks after what is kept: its history, and what became of an erasure or import."""

from datetime import datetime

from pydantic import BaseModel, Field


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
