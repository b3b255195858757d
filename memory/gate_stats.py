"""What is kept, what the gate did, and an honest measure of junk: how much it dropped, and how much got past it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime

import numpy as np
from pydantic import BaseModel

from memory.engine import Engine
from memory.gate_counters import DROPPED
from memory.gate_counts import Sums
from memory.gate_judging import NEAR, is_same
from memory.gate_rules import is_structured
from memory.payload import UNCHECKED, age_of, is_served, state_of, trust_of
from memory.records import Row, WholeRow

COMPARED = 5000  # newest of one user: each is compared with each
AT_ONCE = 512


class Kept(BaseModel):
    """Memories, counted. `expired`: of the served ones; `unchecked`: not compared yet with similar older ones."""

    total: int
    by_state: dict[str, int]
    by_kind: dict[str, int]
    by_trust: dict[str, int]
    expired: int
    unchecked: int


class Offered(BaseModel):
    """What the gate did since `since`. `drop_rate`: the share of what was offered that it dropped."""

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
    junk_rate: float | None


class Stats(BaseModel):
    """Of one user, or of all."""

    memories: Kept
    gate: Offered
    served: Junk


async def collect(engine: Engine, sums: Sums, scope: str | None) -> Stats:
    """Reads every row once, and the vectors of those that are served."""
    at = engine.now()
    counted: dict[str, Counter[str]] = {name: Counter() for name in ("state", "kind", "trust", "more")}
    scopes: set[str] = set()
    async for row in _rows(engine, scope):
        scopes.add(row.payload["user_id"])
        _count(counted, row, at)
    junk = [await _junk(engine, each, at) for each in scopes]
    looked_at, near = sum(looked for looked, _ in junk), sum(found for _, found in junk)
    return Stats(
        memories=Kept(
            total=counted["state"].total(),
            by_state=counted["state"],
            by_kind=counted["kind"],
            by_trust=counted["trust"],
            expired=counted["more"]["expired"],
            unchecked=counted["more"]["unchecked"],
        ),
        gate=_offered(sums),
        served=Junk(looked_at=looked_at, near_duplicates=near, junk_rate=_share(near, looked_at)),
    )


def _rows(engine: Engine, scope: str | None) -> AsyncIterator[Row]:
    return engine.rows.all(scope) if scope else engine.rows.everyones()


def _count(counted: Mapping[str, Counter[str]], row: Row, at: datetime) -> None:
    payload = row.payload
    counted["state"][state_of(payload)] += 1
    counted["kind"][payload.get("kind", "note")] += 1
    counted["trust"][trust_of(payload)] += 1
    counted["more"]["expired"] += state_of(payload) == "served" and not is_served(payload, at=at)
    counted["more"]["unchecked"] += payload.get(UNCHECKED) == "yes"


def _offered(sums: Sums) -> Offered:
    counts = sums.counts
    dropped = {verdict: counts.get(verdict, 0) for verdict in DROPPED}
    offered = counts.get("stored", 0) + sum(dropped.values())
    return Offered(
        since=sums.since,
        offered=offered,
        stored=counts.get("stored", 0),
        dropped=dropped,
        quarantined=counts.get("quarantined", 0),
        superseded=counts.get("superseded", 0),
        redacted=counts.get("redacted", 0),
        drop_rate=_share(sum(dropped.values()), offered),
    )


async def _junk(engine: Engine, scope: str, at: datetime) -> tuple[int, int]:
    """How many served memories of this user were looked at, and how many of them an older one says already."""
    served = [
        row
        async for page in engine.rows.pages_whole(scope)
        for row in page
        if is_served(row.payload, at=at) and not is_structured(row.payload)
    ]
    newest = sorted(served, key=age_of)[-COMPARED:]
    return len(newest), await asyncio.to_thread(_near_duplicates, newest) if newest else 0


def _near_duplicates(rows: Sequence[WholeRow]) -> int:
    vectors = np.stack([row.vector for row in rows])
    found: set[int] = set()
    for start in range(0, len(rows), AT_ONCE):
        cosines = vectors[start : start + AT_ONCE] @ vectors.T
        for offset, older in np.argwhere(cosines >= NEAR).tolist():
            newer = start + offset
            if older < newer and is_same(rows[newer], rows[older], float(cosines[offset, older]), NEAR):
                found.add(newer)
    return len(found)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
