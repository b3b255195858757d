"""The controller's composition: the core that a worker has too, behind routes, with the page."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.staticfiles import StaticFiles

from api import (
    approvals,
    chat,
    forgetting,
    halts,
    health,
    hooks,
    links,
    memories,
    memory_store,
    runs,
    schedules,
    threads,
    trading,
    usage,
)
from api.access import Access
from api.composition import open_core
from api.requests import Guard
from pilothouse import clock
from pilothouse.serving import install_error_handlers
from pilothouse.settings import ControllerSettings

STATIC = Path(__file__).parent / "static"


def create_app(settings: ControllerSettings) -> FastAPI:
    """The controller as an ASGI app."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            await compose(app, settings, stack)
            yield

    app = FastAPI(title="Pilothouse", version="0.1.0", docs_url=None, redoc_url=None, lifespan=lifespan)
    install_error_handlers(app, payload_error=RequestValidationError)
    app.add_middleware(Guard)
    for module in (
        chat,
        runs,
        hooks,
        schedules,
        threads,
        trading,
        approvals,
        links,
        halts,
        memory_store,
        memories,
        forgetting,
        usage,
        health,
    ):
        app.include_router(module.router)
    app.mount("/", StaticFiles(directory=STATIC, html=True))
    return app


async def compose(app: FastAPI, settings: ControllerSettings, stack: AsyncExitStack) -> None:
    """Open what the routes use and keep it until the app stops."""
    core = await open_core(settings, stack)
    app.state.pool = core.pool
    app.state.session = core.session
    app.state.runs = core.runs
    app.state.schedules = core.schedules
    app.state.hooks = core.hooks
    app.state.deliveries = core.deliveries
    app.state.hook_secrets = core.hook_secrets
    app.state.broker = core.broker
    app.state.memory = core.memory
    app.state.find_asked = core.find_asked
    app.state.access = Access(pool=core.pool, secret=settings.key_secret, clock=clock.now)
    app.state.services = {"proxy": settings.proxy_url, "broker": settings.broker_url, "memory": settings.memory_url}
