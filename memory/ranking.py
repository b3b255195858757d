"""How memories are ordered by a question: meaning, keywords, what was said beside them, names; then age and trust.

The weights come from measurements on LoCoMo conversations and are not tuned to a benchmark of ours.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from memory.index import SURE_NAME, Instants, UserIndex
from memory.records import Floats
from memory.selection import EVERYTHING, Selection

KEYWORDS = 0.7
NEIGHBOURS = 0.3
NAME = 1.0
RECENCY = 0.1  # halves each `RECENCY_HALVES_S`
TRUST = 0.1

RECENCY_HALVES_S = 30 * 86_400.0
SAME_TALK_S = 3600.0  # said within an hour of each other: one belongs to the other's context
FEW = 10  # so many memories of usual spread are added where there are few: two say nothing about the spread
COSINE_SPREAD = 0.1
KEYWORD_SPREAD = 1.0
TOUCHES = 0.1  # below this cosine, and without a word or name in common, it has nothing to do with the question

Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Question:
    """What is asked: its meaning, its keywords' numbers, its words' numbers, and when."""

    vector: Floats
    keywords: Collection[int]
    words: Collection[int]
    at_s: float


def score(index: UserIndex, question: Question) -> tuple[Floats, Flags, Flags]:
    """A score for each memory, which of them have not expired, and which touch the question at all."""
    live = index.expires_at_s > question.at_s
    cosine = _cosines(index, question.vector)
    keywords = _keyword_scores(index, question.keywords)
    named = _named(index, question.words)
    scores = _standard(cosine, live, COSINE_SPREAD) + KEYWORDS * _standard(keywords, live, KEYWORD_SPREAD)
    scores = scores + NEIGHBOURS * _beside(scores, index.said_at_s) + NAME * named + _prior(index, question.at_s)
    return scores, live, ((cosine >= TOUCHES) | (keywords > 0) | (named > 0))


def best(index: UserIndex, question: Question, asked: Selection, *, limit: int) -> list[tuple[str, float]]:
    """The ids of the memories that answer best and are asked for, with their scores, best first.

    Who asks for all of a kind or a period gets them, also those that the words of the question do not touch.
    """
    scores, live, touches = score(index, question)
    eligible = live if asked != EVERYTHING else live & touches
    found: list[tuple[str, float]] = []
    for place in _descending(scores):
        if len(found) == limit:
            break
        entry = index.entries[place]
        if eligible[place] and asked.matches(entry.traits):
            found.append((entry.id, float(scores[place])))
    return found


def nearest(index: UserIndex, vector: Floats, *, limit: int) -> list[tuple[str, float]]:
    """The ids of the memories that mean nearly the same, with their cosines, nearest first."""
    cosine = _cosines(index, vector)
    return [(index.entries[place].id, float(cosine[place])) for place in _descending(cosine)[:limit]]


def _cosines(index: UserIndex, vector: Floats) -> Floats:
    """On this thread alone: BLAS spreads it over all cores, and waits for them when others use them."""
    return np.einsum("ij,j->i", index.vectors, vector)


def _descending(values: Floats) -> list[int]:
    return np.argsort(-values, kind="stable").tolist()


def _keyword_scores(index: UserIndex, terms: Collection[int]) -> Floats:
    """BM25, a word counting for more the fewer of this user's memories hold it."""
    count = len(index.entries)
    scores = np.zeros(count, np.float32)
    for term in terms:
        found = index.keywords.find(term)
        holding = found.stop - found.start
        rarity = np.log(1 + (count - holding + 0.5) / (holding + 0.5))
        scores[index.keywords.places[found]] += rarity * index.keywords.weights[found]
    return scores


def _named(index: UserIndex, words: Collection[int]) -> Floats:
    """1 where a name in the memory is among the question's words."""
    named = np.zeros(len(index.entries), np.float32)
    for word in words:
        found = index.names.find(word)
        if (index.names.weights[found] == SURE_NAME).any():
            named[index.names.places[found]] = 1
    return named


def _standard(values: Floats, live: Flags, spread: float) -> Floats:
    """In deviations from the mean of what is live; what has expired lies on the mean."""
    counted = values[live]
    if not counted.size:
        return np.zeros_like(values)
    variance = (counted.size * counted.var() + FEW * spread**2) / (counted.size + FEW)
    return np.where(live, (values - counted.mean()) / np.sqrt(variance), 0).astype(np.float32)


def _beside(scores: Floats, said_at_s: Instants) -> Floats:
    """What lies before and after each in the same talk."""
    joined = np.diff(said_at_s) <= SAME_TALK_S
    beside = np.zeros_like(scores)
    beside[1:] += np.where(joined, scores[:-1], 0)
    beside[:-1] += np.where(joined, scores[1:], 0)
    return beside


def _prior(index: UserIndex, at_s: float) -> Floats:
    """What speaks for a memory whatever is asked: that it is new, that the person said it."""
    age_s = np.maximum(0, at_s - index.said_at_s)
    return (RECENCY * 0.5 ** (age_s / RECENCY_HALVES_S) + TRUST * index.trust).astype(np.float32)
