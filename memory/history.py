"""What became of each memory, in Mem0's history: its old words, its new ones, and when."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Literal

from memory.locks import to_the_end

WORDS = "SELECT old_memory, new_memory FROM history WHERE memory_id = ?"
FORGET = "DELETE FROM history WHERE memory_id = ?"
REPLACED = "SELECT id, memory_id FROM history WHERE event = 'SUPERSEDE' AND new_memory = ?"
UNSAY = "UPDATE history SET new_memory = NULL WHERE id = ?"
MESSAGES = "SELECT content FROM messages WHERE session_scope = ?"
FORGET_MESSAGES = "DELETE FROM messages WHERE session_scope = ?"
HELD = "SELECT 1 FROM history WHERE instr(new_memory, :text) OR instr(old_memory, :text) LIMIT 1"
INDEX = "CREATE INDEX IF NOT EXISTS history_of_memory ON history (memory_id)"

Event = Literal["ADD", "UPDATE", "SUPERSEDE", "RESTORE", "ADMIT"]


class History:
    """Mem0's own table, so that its `history` reads it; one line an event."""

    def __init__(self, mem0: Any) -> None:
        self._mem0 = mem0
        mem0.db.connection.execute(INDEX)

    async def add(self, memory_id: str, event: Event, *, old: str | None, new: str | None, at: datetime) -> None:
        """Note an event. It follows the change of the store: a crash between them loses the line, never the memory."""
        stamp = at.isoformat()
        line = {"created_at": stamp, "updated_at": stamp, "role": "user"}
        await to_the_end(lambda: self._mem0.db.add_history(memory_id, old, new, event, **line))

    async def of(self, memory_id: str) -> list[dict[str, Any]]:
        """The events of one memory, oldest first. Whose it is was checked before."""
        return await asyncio.to_thread(self._mem0.db.get_history, memory_id)

    async def forget(self, scope: str, texts: Mapping[str, str], *, kept: Collection[str]) -> set[str]:
        """Delete all lines of these memories (texts by id), and the raw messages of older versions. Gives all words.

        Those that are kept may have been replaced by one of them: their lines lose its words.
        """
        words = set(texts.values())

        def delete() -> None:
            with self._mem0.db._lock, self._mem0.db.connection as database:  # noqa: SLF001 -- Mem0 2.2.1 deletes nothing itself
                for memory_id in texts:
                    for row in database.execute(WORDS, (memory_id,)):
                        words.update(filter(None, row))
                    database.execute(FORGET, (memory_id,))
                for text in list(words):
                    lines = [row for row in database.execute(REPLACED, (text,)) if row[1] in kept]
                    database.executemany(UNSAY, [(line,) for line, _ in lines])
                words.update(text for (text,) in database.execute(MESSAGES, (f"user_id={scope}",)) if text)
                database.execute(FORGET_MESSAGES, (f"user_id={scope}",))

        await to_the_end(delete)
        return words

    async def compact(self) -> None:
        """Write the file anew, so that it holds what is in the tables and nothing else."""

        def rewrite() -> None:
            with self._mem0.db._lock:  # noqa: SLF001 -- Mem0 2.2.1 offers no other way
                self._mem0.db.connection.execute("VACUUM")
                self._mem0.db.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        await to_the_end(rewrite)

    async def held(self, texts: Collection[str]) -> set[str]:
        """Those of the texts that lie in a line of anybody's."""

        def search() -> set[str]:
            with self._mem0.db._lock:  # noqa: SLF001 -- Mem0 2.2.1 offers no other way
                execute = self._mem0.db.connection.execute
                return {text for text in texts if execute(HELD, {"text": text}).fetchone()}

        return await asyncio.to_thread(search)
