"""Keywords as sparse vectors, by Qdrant's own encoder. Mem0 would fetch fastembed's over the network instead."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import qdrant_edge

AVERAGE_WORDS = 20.0  # a memory is a sentence or two
LANGUAGE = "english"


@dataclass(frozen=True)
class Keywords:
    """What Mem0 expects of an encoder's result."""

    indices: np.ndarray[Any, np.dtype[np.int64]]
    values: np.ndarray[Any, np.dtype[np.float64]]


class EdgeBm25:
    """Mem0 weighs queries like documents, and its sigmoid is made for those weights."""

    def __init__(self) -> None:
        self._encoder = qdrant_edge.Bm25(qdrant_edge.Bm25Config(avg_len=AVERAGE_WORDS, language=LANGUAGE))

    def embed(self, texts: Iterable[str]) -> Iterator[Keywords]:
        """One sparse vector a text."""
        for text in texts:
            vector = self._encoder.embed_document(text)
            yield Keywords(np.array(vector.indices), np.array(vector.values))

    def terms(self, question: str) -> list[int]:
        """The numbers of a question's words, as documents have them."""
        return self._encoder.embed_query(question).indices
