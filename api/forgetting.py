"""DELETE /api/memories: forget one, some or everything, for good. Needs a person's key."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.memories import REFUSALS, Person, Remembered
from api.requests import STRICT
from pilothouse.errors import BadInputError, NotFoundError
from tools.memory_answers import Forgotten

router = APIRouter(prefix="/api/memories", tags=["memories"], dependencies=STRICT)

MAX_FORGOTTEN = 100


@router.delete("", responses=REFUSALS)
async def forget_memories(
    key: Person,
    memory: Remembered,
    *,
    memory_id: Annotated[list[UUID], Query(alias="id", max_length=MAX_FORGOTTEN)] = [],  # noqa: B006 -- never changed
    everything: Annotated[bool, Query(description="all that is remembered of you")] = False,
) -> Forgotten:
    """Erase memories for good, from store, history and disk, and look for what is left. Doing it again does no harm."""
    if bool(memory_id) is everything:
        raise BadInputError("say what to erase", hint="either ?id=... (more than once, if need be) or ?everything=true")
    if everything:
        return await memory.forget(user_id=key.user_id, everything=True)
    return await memory.forget(user_id=key.user_id, ids=[str(each) for each in memory_id])


@router.delete("/{memory_id}", responses=REFUSALS)
async def forget_memory(key: Person, memory: Remembered, memory_id: UUID) -> Forgotten:
    """Erase one for good, from store, history and disk."""
    forgotten = await memory.forget(user_id=key.user_id, ids=[str(memory_id)])
    if not forgotten.forgotten:
        raise NotFoundError("no such memory", hint="GET /api/memories lists yours")
    return forgotten
