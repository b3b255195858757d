"""What became of each memory, in Mem0's history: its old words, its new ones, and when."""

import asyncio
from datetime import datetime
from typing import Any, Literal

Event = Literal["ADD", "UPDATE", "SUPERSEDE", "RESTORE", "ADMIT"]


class History:
    """Mem0's own table, so that its `history` reads it; one line an event."""

    def __init__(self, mem0: Any) -> None:
        self._mem0 = mem0

    async def add(self, memory_id: str, event: Event, *, old: str | None, new: str | None, at: datetime) -> None:
        """Note an event. It follows the change of the store: a crash between them loses the line, never the memory."""
        stamp = at.isoformat()
        await asyncio.to_thread(
            self._mem0.db.add_history, memory_id, old, new, event, created_at=stamp, updated_at=stamp, role="user"
        )

    async def of(self, memory_id: str) -> list[dict[str, Any]]:
        """The events of one memory, oldest first. Whose it is was checked before."""
        return await asyncio.to_thread(self._mem0.db.get_history, memory_id)
