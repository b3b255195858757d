"""A person looks at one memory and puts it right."""

from typing import TYPE_CHECKING, Any

from memory.gate_rules import is_structured
from memory.gate_secrets import refuse_secrets
from memory.payload import UNCHECKED, digest_of, edited, state_of, to_memory
from memory.records import Change, Memory, MemoryEvent, NewRow, Row
from pilothouse.errors import ConflictError

if TYPE_CHECKING:
    from memory.engine import Engine


async def get(engine: "Engine", scope: str, row_id: str) -> Memory:
    """This user's memory of this id."""
    return to_memory(await engine.own(scope, row_id))


async def history(engine: "Engine", scope: str, row_id: str) -> list[MemoryEvent]:
    """What became of it, oldest first; whose it is comes first of all, as Mem0's history does not know."""
    row = await engine.own(scope, row_id)
    return [_event(line) for line in await engine.history.of(row.id)]


async def edit(engine: "Engine", scope: str, change: Change) -> Memory:
    """Replace its words, vector and keywords; the old words stay in its history. What was tainted stays tainted."""
    refuse_secrets(change.text)
    vector = await engine.embedding.of_text(change.text)
    async with engine.writing.of(scope):
        row = await engine.own(scope, change.id)
        at = engine.now()
        payload = edited(row.payload, change, at=at)
        if state_of(payload) == "served" and not is_structured(payload):
            payload[UNCHECKED] = "yes"  # the new words may contradict older ones
        await _refuse_known_words(engine, scope, row, change.text)
        await engine.rows.put(scope, [NewRow(row.id, payload, vector)])
        await engine.history.add(row.id, "UPDATE", old=row.payload["data"], new=change.text, at=at)
        return to_memory(Row(row.id, payload))


async def _refuse_known_words(engine: "Engine", scope: str, row: Row, text: str) -> None:
    known = await engine.rows.first(scope, hash=digest_of(text))
    if known and known.id != row.id:
        raise ConflictError(f"these words are kept already, as {known.id}", hint="forget one of the two")


def _event(line: dict[str, Any]) -> MemoryEvent:
    return MemoryEvent(event=line["event"], at=line["created_at"], old=line["old_memory"], new=line["new_memory"])
