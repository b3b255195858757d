"""What is kept in memory of one user's served memories, so that a question is compared with all of them at once."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import numpy as np

from memory.names import names_in
from memory.payload import age_of, state_of, trust_of
from memory.records import Floats, Trust, WholeRow

Numbers = np.ndarray[Any, np.dtype[np.int64]]
Instants = np.ndarray[Any, np.dtype[np.float64]]
Placed = Sequence[tuple[int, WholeRow]]

SURE_NAME, PERHAPS_A_NAME = 1.0, 0.5
TRUST: dict[Trust, float] = {"person": 1.0, "agent": 0.5, "untrusted": 0.0}
ENTRY_BYTES = 600  # what Python keeps of an entry beside the arrays, measured
ASKED_FOR = ("kind", "strategy", "pair", "created_at")  # what a `Selection` looks at


@dataclass(frozen=True)
class Entry:
    """One memory without its words, which stay in the store. `age` sorts by when it was said."""

    id: str
    age: str
    said_at_s: float
    expires_at_s: float
    trust: Trust
    traits: Mapping[str, Any]

    @classmethod
    def of(cls, row: WholeRow) -> Self:
        """What ranking needs of a row."""
        payload = row.payload
        subject: Mapping[str, Any] = payload.get("subject") or {}
        period = {name: subject[name] for name in ("since", "until") if subject.get(name)}
        expires_at = payload.get("expires_at")
        return cls(
            id=row.id,
            age=age_of(row),
            said_at_s=_seconds(payload["created_at"]),
            expires_at_s=_seconds(expires_at) if expires_at else float("inf"),
            trust=trust_of(payload),
            traits={name: payload[name] for name in ASKED_FOR if name in payload} | {"subject": period},
        )


@dataclass(frozen=True)
class Postings:
    """Which places (of memories, in their order) hold a term and how much it weighs there; sorted by term."""

    terms: Numbers
    places: Numbers
    weights: Floats

    @classmethod
    def of(cls, triples: Iterable[tuple[int, int, float]]) -> Self:
        """From (term, place, weight)."""
        listed = list(triples)
        terms = np.fromiter((each[0] for each in listed), np.int64, len(listed))
        places = np.fromiter((each[1] for each in listed), np.int64, len(listed))
        weights = np.fromiter((each[2] for each in listed), np.float32, len(listed))
        return cls._sorted(terms, places, weights)

    @property
    def bytes(self) -> int:
        """Of its arrays."""
        return self.terms.nbytes + self.places.nbytes + self.weights.nbytes

    def find(self, term: int) -> slice:
        """Where in the arrays the term is."""
        start, stop = np.searchsorted(self.terms, [term, term + 1])
        return slice(int(start), int(stop))

    def moved(self, new_place: Numbers, added: "Postings") -> "Postings":
        """With these added, and each memory where `new_place` says; -1 drops it."""
        places = np.concatenate([new_place[self.places], added.places])
        terms, weights = np.concatenate([self.terms, added.terms]), np.concatenate([self.weights, added.weights])
        stay = places >= 0
        return self._sorted(terms[stay], places[stay], weights[stay])

    @classmethod
    def _sorted(cls, terms: Numbers, places: Numbers, weights: Floats) -> Self:
        order = np.argsort(terms, kind="stable")
        return cls(terms[order], places[order], weights[order])


@dataclass(frozen=True)
class UserIndex:
    """Never changed: a change makes another one, so that whoever ranks sees one state. Entries in the order said."""

    entries: Sequence[Entry]
    vectors: Floats
    keywords: Postings
    names: Postings
    said_at_s: Instants
    expires_at_s: Instants
    trust: Floats

    @classmethod
    def empty(cls, dimension: int) -> Self:
        """Of a user who told us nothing."""
        return cls._of([], np.empty((0, dimension), np.float32), Postings.of([]), Postings.of([]))

    @property
    def bytes(self) -> int:
        """About how much of the process's memory it takes."""
        return self.vectors.nbytes + self.keywords.bytes + self.names.bytes + ENTRY_BYTES * len(self.entries)

    def changed(self, ids: Collection[str], rows: Sequence[WholeRow]) -> Self:
        """What it is once the rows of these ids are as given; the others of these ids, and what is not served, go."""
        dropped = set(ids)
        kept = [place for place, entry in enumerate(self.entries) if entry.id not in dropped]
        served = [row for row in rows if state_of(row.payload) == "served"]
        entries = [*(self.entries[place] for place in kept), *map(Entry.of, served)]
        order = sorted(range(len(entries)), key=lambda place: entries[place].age)
        place_of = np.argsort(order)
        new_place = np.full(len(self.entries), -1, np.int64)
        new_place[kept] = place_of[: len(kept)]
        placed = list(zip(place_of[len(kept) :].tolist(), served, strict=True))
        return self._of(
            [entries[place] for place in order],
            np.concatenate([self.vectors[kept], _matrix(served, self.vectors.shape[1])])[np.array(order, np.int64)],
            self.keywords.moved(new_place, Postings.of(_keywords(placed))),
            self.names.moved(new_place, Postings.of(_names(placed))),
        )

    @classmethod
    def _of(cls, entries: Sequence[Entry], vectors: Floats, keywords: Postings, names: Postings) -> Self:
        said_at_s = np.fromiter((entry.said_at_s for entry in entries), float, len(entries))
        expires_at_s = np.fromiter((entry.expires_at_s for entry in entries), float, len(entries))
        trust = np.fromiter((TRUST[entry.trust] for entry in entries), np.float32, len(entries))
        return cls(entries, vectors, keywords, names, said_at_s, expires_at_s, trust)


def _keywords(placed: Placed) -> Iterator[tuple[int, int, float]]:
    return ((term, place, weight) for place, row in placed for term, weight in row.keywords.items())


def _names(placed: Placed) -> Iterator[tuple[int, int, float]]:
    for place, row in placed:
        names = names_in(row.payload["data"])
        yield from ((name, place, SURE_NAME) for name in names.sure)
        yield from ((name, place, PERHAPS_A_NAME) for name in names.maybe)


def _matrix(rows: Sequence[WholeRow], dimension: int) -> Floats:
    return np.array([row.vector for row in rows], np.float32).reshape(len(rows), dimension)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
