"""What a child process is asked to do, and the figures it gives back."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel

from benchmarks.processes import percentile

OURS, PEER = "pilothouse", "mem0"


class FillJob(BaseModel):
    """Store so many memories in a new folder."""

    peer: str
    folder: Path
    memories: int
    users: int
    limit_s: float


class Job(BaseModel):
    """Open the folder and measure. `rounds`: how often each user who asked asks again."""

    peer: str
    folder: Path
    memories: int
    users: int
    searches: int
    rounds: int
    adds: int
    real_embedder: bool = False


class Spread(BaseModel):
    """Of many times."""

    p50_ms: float
    p95_ms: float
    count: int

    @classmethod
    def of(cls, took_ms: list[float]) -> Self:
        """The middle one, and what 95 of 100 stay below."""
        return cls(p50_ms=percentile(took_ms, 0.5), p95_ms=percentile(took_ms, 0.95), count=len(took_ms))
