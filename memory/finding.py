"""Mem0 finds what is worth keeping in a turn and stores nothing: what becomes of it is decided by our code."""

import copy
from datetime import datetime
from typing import Any

from memory.payload import fact_payload, is_served, is_tainted
from memory.records import NewRow, Turn
from memory.row_ids import row_id


async def find_facts(mem0: Any, turn: Turn, *, at: datetime) -> list[NewRow]:
    """What the model proposes to keep of the turn, in its order."""
    proposals = _Proposals(mem0.vector_store, at=at)
    finder = copy.copy(mem0)
    finder.vector_store, finder.db = proposals, _NoHistory()
    await finder.add([message.model_dump() for message in turn.messages], user_id=turn.scope)
    return [
        NewRow(row_id(turn.scope, str(turn.id), text), fact_payload(turn, text, position=position), vector)
        for position, (text, vector) in enumerate(proposals.made)
    ]


class _Proposals:
    """Mem0's store as it looks to Mem0 while it extracts: what is served, clean and similar; inserts are only noted.

    Tainted memories stay hidden: its model is shown similar ones, and they could steer what it proposes.
    """

    def __init__(self, store: Any, *, at: datetime) -> None:
        self._store = store
        self._at = at
        self.made: list[tuple[str, list[float]]] = []

    def search(self, **asked: Any) -> list[Any]:
        """What Mem0 shows its model as already known."""
        rows = self._store.search(**asked)
        return [row for row in rows if not is_tainted(row.payload) and is_served(row.payload, at=self._at)]

    def insert(self, *, vectors: list[list[float]], ids: list[str], payloads: list[dict[str, Any]]) -> None:
        """Note what it wants to keep. Of its payload only the words count: the rest may be the model's invention."""
        del ids
        self.made += [(payload["data"], vector) for vector, payload in zip(vectors, payloads, strict=True)]


class _NoHistory:
    """Mem0 would keep the last raw messages of each user, and a history of what it proposed."""

    def get_last_messages(self, session_scope: str, limit: int) -> list[Any]:  # noqa: ARG002 -- Mem0's signature
        """None are kept."""
        return []

    def save_messages(self, messages: Any, session_scope: str) -> None:
        """Raw chat stays where it is, in the thread."""

    def batch_add_history(self, records: Any) -> None:
        """What is really stored gets its history where it is stored."""
