"""Routes with which a person looks after what is remembered of them."""

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from memory import editing
from memory.dependencies import Caller, Service
from memory.portable import export_lines, import_lines
from memory.records import Memory
from memory.schemas import Edit, Events, Export, Forget, Forgotten, Import, Imported, Named, Reembedding

router = APIRouter()


@router.post("/memories/get")
async def get(named: Named, service: Service, _: Caller) -> Memory:
    """One memory of this user's, whatever its state."""
    return await editing.get(service.opened(), service.scope(named.user), str(named.id))


@router.post("/memories/history")
async def history(named: Named, service: Service, _: Caller) -> Events:
    """What became of it, oldest first."""
    return Events(events=await editing.history(service.opened(), service.scope(named.user), str(named.id)))


@router.post("/memories/edit")
async def edit(asked: Edit, service: Service, _: Caller) -> Memory:
    """Put a person's words in place of the kept ones."""
    return await editing.edit(service.opened(), service.scope(asked.user), asked.change())


@router.post("/memories/forget")
async def forget(asked: Forget, service: Service, _: Caller) -> Forgotten:
    """Erase, compact and look; the answer comes when all that is done."""
    ids = None if asked.everything else [str(each) for each in asked.ids]
    return await service.forgetting.forget(service.scope(asked.user), ids)


@router.post("/memories/export")
async def export(asked: Export, service: Service, _: Caller) -> StreamingResponse:
    """All of a user's memories as JSON lines, with what `/memories/import` takes."""
    lines = export_lines(service.opened(), service.scope(asked.user))
    return StreamingResponse(lines, media_type="application/x-ndjson")


@router.post("/memories/import")
async def import_(given: Import, service: Service, _: Caller) -> Imported:
    """Keep lines of an export; repeating it stores nothing twice."""
    scope = service.scope(given.user)
    async with service.passages.passing(scope):
        return await import_lines(service.opened(), scope, given.memories, key=given.key)


@router.post("/reembed")
async def reembed(service: Service, _: Caller) -> Reembedding:
    """Give memories of another embedder new vectors, in the background; asked again, it tells how far that is."""
    return await service.reembedder.start()
