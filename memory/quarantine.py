"""Tainted memories are found and marked, never built upon: what is extracted from a clean conversation stays clean."""

import copy
from typing import Any

from memory.payload import is_tainted
from memory.records import Memory


class CleanStore:
    """Mem0's store without the memories that are tainted."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def search(self, **asked: Any) -> list[Any]:
        """What Mem0 shows its model as already known."""
        return [row for row in self._store.search(**asked) if not is_tainted(row.payload)]


def blind_to_tainted(mem0: Any) -> Any:
    """The same Mem0, for extraction: similar memories are shown to its model and could steer what is stored next."""
    extractor = copy.copy(mem0)
    extractor.vector_store = CleanStore(mem0.vector_store)
    return extractor


def without_tainted_copies(found: list[Memory]) -> list[Memory]:
    """Extraction does not see tainted memories, so it may store the same words again, cleanly: those count."""
    clean = {memory.text for memory in found if not memory.tainted}
    return [memory for memory in found if not (memory.tainted and memory.text in clean)]
