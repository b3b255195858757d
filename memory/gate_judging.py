"""Compares what is offered with what a user has: known in other words, or perhaps a contradiction. Asks no model."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from memory.gate_counters import Verdict
from memory.gate_rules import is_structured, may_replace
from memory.gate_similar import says_the_same
from memory.payload import UNCHECKED, is_served, is_tainted
from memory.records import NewRow, Row
from memory.rows import Rows
from pilothouse.clock import Clock

NEAR = 0.92  # cosine from which two texts say the same, if their numbers, names and negations are the same too
RECALLED = 0.8  # the same for what the model was just shown: it tells that again in its own words
SIMILAR = 0.4  # from here on they may contradict each other: "I live in Lisbon" and "I moved to Porto" are at 0.6
LOOKED_AT = 64


@dataclass(frozen=True)
class Known:
    """What was offered is this one in other words."""

    row: Row
    reason: Verdict


class Judging:
    """For one user at a time, while nobody else writes that user's rows."""

    def __init__(self, rows: Rows, *, now: Clock) -> None:
        self._rows = rows
        self._now = now

    async def judge(
        self, scope: str, new: NewRow, *, recalled: Collection[str] = (), among: Sequence[NewRow] = ()
    ) -> NewRow | Known:
        """The row as it is to be stored, or what is known. `among`: what is stored together with it."""
        if is_structured(new.payload):
            return new
        near = [*_cosines(new, among), *await self._near(scope, new)]
        for row, cosine in near:
            if is_same(new, row, cosine, NEAR):
                return Known(row, "near_duplicate")
            if row.id in recalled and is_same(new, row, cosine, RECALLED):
                return Known(row, "recalled")
        now = self._now()
        if any(cosine >= SIMILAR and may_replace(new.payload, row.payload, at=now) for row, cosine in near):
            return replace(new, payload={**new.payload, UNCHECKED: "yes"})
        return new

    async def _near(self, scope: str, new: NewRow) -> list[tuple[Row, float]]:
        """Clean words are measured by clean ones that are told; tainted ones by all, quarantined ones too."""
        now = self._now()
        found = await self._rows.near(scope, new.vector, limit=LOOKED_AT, state="served")
        served = [(row, cosine) for row, cosine in found if is_served(row.payload, at=now)]
        if not is_tainted(new.payload):
            return served
        return served + await self._rows.near(scope, new.vector, limit=LOOKED_AT, state="quarantined")


def _cosines(new: NewRow, among: Sequence[NewRow]) -> list[tuple[Row, float]]:
    return [(row, float(np.dot(new.vector, row.vector))) for row in among]


def is_same(new: Row, known: Row, cosine: float, least: float) -> bool:
    """Whether two rows of this cosine say the same.

    What a person said in clean words is not known because tainted text said so; and until when is part of it.
    """
    if cosine < least or is_structured(known.payload) or (is_tainted(known.payload) and not is_tainted(new.payload)):
        return False
    same_end = known.payload.get("expires_at") in (None, new.payload.get("expires_at"))
    return same_end and says_the_same(new.payload["data"], known.payload["data"])
