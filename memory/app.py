"""The memory service's routes, for callers with a key of ours."""

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, suppress

from fastapi import FastAPI, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from memory import gate_routes, management
from memory.dependencies import Caller, Service
from memory.folder import hold_folder
from memory.gate_counts import GateCounts
from memory.loading import LoadEmbedder
from memory.queue import Queue
from memory.records import Memory
from memory.schemas import Found, List, Listed, Named, NewMemory, NewTurn, Queued, SavedMemory, Search
from memory.service import MemoryService
from pilothouse.db import make_pool
from pilothouse.keys import Callers
from pilothouse.serving import install_error_handlers
from pilothouse.settings import MemorySettings

THREADS = 64  # Mem0 does each step in a thread; the default pool of 6 is blocked by a few slow calls
CONNECTIONS = 6  # each worker keeps one while a model answers


def create_app(settings: MemorySettings, *, load_embedder: LoadEmbedder | None = None) -> FastAPI:
    """The memory service as an ASGI app; ready when /health says so. It holds the folder until it is shut down."""
    folder = ExitStack()
    folder.enter_context(hold_folder(settings.data))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="mem0"))
        with folder:
            async with make_pool(settings.database_url, size=CONNECTIONS) as pool:
                app.state.service = MemoryService(settings, Queue(pool), GateCounts(pool), load_embedder)
                async with _running(app.state.service):
                    yield

    app = FastAPI(title="Pilothouse memory", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.callers = Callers(settings.key_secret, settings.callers)
    install_error_handlers(app, payload_error=RequestValidationError)
    app.get("/health")(health)
    app.post("/search")(search)
    app.post("/memories", status_code=201)(save)
    app.post("/memories/list")(list_memories)
    app.post("/memories/admit")(admit)
    app.post("/turns", status_code=202)(queue_turn)
    app.include_router(management.router)
    app.include_router(gate_routes.router)
    return app


async def health(service: Service) -> Response:
    """Whether the store is open, the embedder loaded and the queue within reach."""
    healthy, report = await service.health()
    return JSONResponse(jsonable_encoder(report), status_code=200 if healthy else 503)


async def search(asked: Search, service: Service, _: Caller) -> Found:
    """What this user told us that touches the question; [] when that takes too long."""
    memories, degraded = await service.search(asked)
    return Found(memories=memories, degraded=degraded)


async def save(new: NewMemory, service: Service, response: Response, _: Caller) -> SavedMemory:
    """Keep a text: 201 if it is new, 200 if this key or these words are known."""
    saved = await service.save(new)
    response.status_code = 201 if saved.created else 200
    return SavedMemory(id=saved.id, text=saved.text, state=saved.state, duplicate=saved.duplicate)


async def list_memories(asked: List, service: Service, _: Caller) -> Listed:
    """What is kept, served or not, newest first."""
    return await service.page(asked)


async def admit(named: Named, service: Service, _: Caller) -> Memory:
    """Let a quarantined memory be told to models; it stays tainted."""
    return await service.admit(named)


async def queue_turn(new: NewTurn, service: Service, _: Caller) -> Queued:
    """Keep a turn for extraction."""
    await service.queue_turn(new)
    return Queued()


@asynccontextmanager
async def _running(service: MemoryService) -> AsyncGenerator[None]:
    working = asyncio.create_task(service.run())
    try:
        yield
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        await service.close()
