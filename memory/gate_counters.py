"""What the gate did, by day, user and verdict. Its owner brings it to PostgreSQL every few seconds."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Literal, get_args

from pilothouse.clock import Clock

Verdict = Literal[
    "stored",
    "quarantined",  # of what was stored
    "duplicate",
    "near_duplicate",
    "recalled",
    "secret",
    "quarantine_full",
    "superseded",
    "redacted",  # messages out of which a secret was taken
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
DROPPED: tuple[Verdict, ...] = ("duplicate", "near_duplicate", "recalled", "secret", "quarantine_full")

Counted = Mapping[tuple[date, str, str], int]


class Counters:
    """Kept in memory between two flushes: `kill -9` loses seconds of counts, never a memory."""

    def __init__(self, *, now: Clock) -> None:
        self._now = now
        self._counts: Counter[tuple[date, str, str]] = Counter()

    def add(self, scope: str, verdict: Verdict) -> None:
        """Once more for this user today."""
        self._counts[self._now().date(), scope, verdict] += 1

    def take(self) -> Counted:
        """All there are; they are the caller's now."""
        taken, self._counts = self._counts, Counter()
        return taken

    def give_back(self, taken: Counted) -> None:
        """What could not be written is counted on."""
        self._counts.update(taken)

    def forget(self, scope: str) -> None:
        """Nothing is left of this user's."""
        for key in [key for key in self._counts if key[1] == scope]:
            del self._counts[key]
