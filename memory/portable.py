"""Take memories out as lines and bring them back in: neither vectors nor scope travel, and no line gains trust."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import ValidationError

from memory.gate import QUARANTINED_AT_MOST
from memory.gate_rules import is_structured
from memory.gate_secrets import refuse_secrets
from memory.payload import digest_of, imported_payload, is_kept_back, line_of
from memory.records import Line, NewRow
from memory.row_ids import row_id
from memory.schemas import Imported, Refused
from pilothouse.errors import BadInputError

if TYPE_CHECKING:
    from memory.engine import Engine

AT_ONCE = 4  # texts to embed: a save of somebody else's gets its turn in between


async def export_lines(engine: "Engine", scope: str) -> AsyncIterator[bytes]:
    """Every memory of this user, one JSON object a line."""
    async for row in engine.rows.all(scope):
        yield line_of(row).model_dump_json().encode() + b"\n"


async def import_lines(engine: "Engine", scope: str, given: Sequence[dict[str, Any]], *, key: str) -> Imported:
    """Keep what is not known yet. A line that cannot be kept is refused by its number, and no other is lost with it."""
    batch = await _read(engine, scope, given, key=key)
    new = [row for row in batch.rows if not await _known(engine, scope, row)]
    embedded = [
        NewRow(row.id, row.payload, vector)
        for some in _in_groups(new)
        for row, vector in zip(some, await _vectors(engine, some), strict=True)
    ]
    async with engine.writing.of(scope):
        fresh = [row for row in embedded if not await _known(engine, scope, row)]
        if fresh:
            await engine.rows.put(scope, fresh)
        for row in fresh:
            await engine.history.add(row.id, "ADD", old=None, new=row.payload["data"], at=engine.now())
    return Imported(stored=len(fresh), known=batch.repeated + len(batch.rows) - len(fresh), refused=batch.refused)


@dataclass
class _Batch:
    """The lines that can be kept, as rows without vectors; `repeated` says the same as another line."""

    rows: list[NewRow] = field(default_factory=list[NewRow])
    refused: list[Refused] = field(default_factory=list[Refused])
    repeated: int = 0


async def _read(engine: "Engine", scope: str, given: Sequence[dict[str, Any]], *, key: str) -> _Batch:
    batch, said = _Batch(), set[str]()
    room = QUARANTINED_AT_MOST - await engine.rows.count(scope, state="quarantined")
    for number, each in enumerate(given, 1):
        try:
            line = _valid(engine, each)
            room -= is_kept_back(line)
            _require_room(line, room)
        except BadInputError as error:
            batch.refused.append(Refused(line=number, reason=error.message))
            continue
        by = await _new_id(engine, scope, line.superseded_by) if line.superseded_by else None
        row_of = row_id(scope, "import", str(line.id or f"{key} {number}"))
        row = NewRow(row_of, imported_payload(scope, line, superseded_by=by, at=engine.now()), [])
        words = row_of if is_structured(row.payload) else digest_of(line.text)
        batch.repeated += words in said
        if words not in said:
            batch.rows.append(row)
        said.add(words)
    return batch


def _valid(engine: "Engine", given: dict[str, Any]) -> Line:
    try:
        line = Line.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the line"
        raise BadInputError(f"{place}: {first['msg']}") from error
    if max(line.created_at, line.updated_at or line.created_at) > engine.now():
        raise BadInputError("created_at or updated_at lies in the future")
    refuse_secrets(line.text, *(line.subject.links if line.subject else []))
    return line


def _require_room(line: Line, room: int) -> None:
    if is_kept_back(line) and room < 0:
        raise BadInputError(f"{QUARANTINED_AT_MOST} memories are in quarantine already, which is the most that is kept")


async def _new_id(engine: "Engine", scope: str, old: UUID) -> str:
    """Where the memory of this id is now: still there, or what it is imported as."""
    there = await engine.rows.get(scope, str(old))
    return there.id if there else row_id(scope, "import", str(old))


async def _known(engine: "Engine", scope: str, row: NewRow) -> bool:
    if await engine.rows.get(scope, row.id):
        return True
    return not is_structured(row.payload) and bool(await engine.rows.first(scope, hash=row.payload["hash"]))


def _in_groups(rows: Sequence[NewRow]) -> list[Sequence[NewRow]]:
    return [rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE)]


async def _vectors(engine: "Engine", rows: Sequence[NewRow]) -> list[list[float]]:
    return await asyncio.gather(*(engine.embedding.of_text(row.payload["data"]) for row in rows))
