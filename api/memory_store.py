"""/api/memories as a whole: counted, exported, imported, embedded anew. Its routes come before those of single ones."""

from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from api.memories import REFUSALS, Person, Reader, Remembered
from api.requests import STRICT
from tools.memory_answers import Imported, Reembedding, Stats

router = APIRouter(prefix="/api/memories", tags=["memories"], dependencies=STRICT)

MAX_IMPORT = 500  # as many as memory takes at once
JSON_LINES = "application/x-ndjson"


class Import(BaseModel):
    """Lines of an export."""

    model_config = ConfigDict(extra="forbid")

    memories: list[dict[str, Any]] = Field(min_length=1, max_length=MAX_IMPORT)
    key: str = Field(min_length=1, max_length=200, description="names this request: sent again, it stores nothing")


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"content": {JSON_LINES: {"schema": {"type": "string"}}}}, **REFUSALS},
)
async def export_memories(key: Reader, memory: Remembered) -> StreamingResponse:
    """All that is remembered of you, one JSON object a line. A connection that breaks off had not sent it all."""
    pieces = memory.export(user_id=key.user_id)
    first = await anext(pieces, b"")  # what fails at once is an error with its own status, not a broken answer
    return StreamingResponse(_all(first, pieces), media_type=JSON_LINES)


@router.post("/import", responses=REFUSALS)
async def import_memories(key: Person, memory: Remembered, body: Import) -> Imported:
    """Keep what was exported. What is known already is not kept twice; what cannot be is said line by line."""
    return await memory.import_all(user_id=key.user_id, memories=body.memories, key=body.key)


@router.get("/stats", responses=REFUSALS)
async def get_stats(key: Reader, memory: Remembered) -> Stats:
    """How much is kept of you, what the gate kept out, and how much of what is told is junk."""
    return Stats.model_validate(await memory.stats(user_id=key.user_id))


@router.post("/reembed", responses=REFUSALS)
async def reembed(_: Person, memory: Remembered) -> Reembedding:
    """After a change of the embedder: begin to give older memories new vectors; asked again, how far that is."""
    return await memory.reembed()


async def _all(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    yield first
    async for piece in rest:
        yield piece
