"""Invented memories and questions with vectors at once, so that the store is measured and not the embedder."""

import random
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from memory.embedder import MiniLm

SUBJECTS = ("the bot", "my broker", "the backtest", "Mira", "the exchange", "our strategy", "the webhook", "Jonas")
VERBS = ("stopped", "bought", "missed", "sold", "reported", "restarted", "doubled", "lost", "moved", "checked")
OBJECTS = ("BTC/USDT", "the order", "the alert", "three positions", "the fee", "a candle", "the invoice", "ETH/EUR")
TIMES = (
    "on Monday",
    "at night",
    "after the update",
    "before the audit",
    "in March",
    "twice",
    "by mistake",
    "on purpose",
)


class Instant:
    """Vectors that cost next to nothing, and the same for the same text; in place of the default embedder."""

    id = MiniLm.id
    dimension = MiniLm.dimension

    def __init__(self) -> None:
        self._places: dict[str, Any] = {}

    def embed(self, texts: list[str]) -> list[list[float]]:
        """Words that two texts share bring them nearer."""
        return [self._embed(text) for text in texts]

    def _embed(self, text: str) -> list[float]:
        vector = np.random.default_rng(zlib.crc32(text.encode())).normal(size=self.dimension) * 0.5
        for word in text.split():
            vector[self._of(word)] += 2
        return (vector / np.linalg.norm(vector)).tolist()

    def _of(self, word: str) -> Any:
        if word not in self._places:
            chance = np.random.default_rng(zlib.crc32(word.encode()))
            self._places[word] = chance.integers(0, self.dimension, 8)
        return self._places[word]


@dataclass(frozen=True)
class Crowd:
    """So many memories of so many users, the same each time."""

    memories: int
    users: int

    def texts_of(self, user: int) -> list[str]:
        """All that this user told."""
        chance = random.Random(user)  # noqa: S311 -- invented sentences
        return [_sentence(chance, number) for number in range(self.memories // self.users)]

    def questions(self, count: int, *, seed: int) -> list[tuple[int, str]]:
        """Whom to ask about what."""
        chance = random.Random(seed)  # noqa: S311 -- as above
        return [(chance.randrange(self.users), _question(chance)) for _ in range(count)]


def _sentence(chance: random.Random, number: int) -> str:
    words = (chance.choice(SUBJECTS), chance.choice(VERBS), chance.choice(OBJECTS), chance.choice(TIMES))
    return f"{' '.join(words)}, note {number} of {chance.randrange(10_000)}"


def _question(chance: random.Random) -> str:
    return f"What about {chance.choice(SUBJECTS)} and {chance.choice(OBJECTS)} {chance.choice(TIMES)}?"
