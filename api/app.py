"""The controller's composition: makes every client once, builds the graph, mounts the routes."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.staticfiles import StaticFiles

from agents import checkpoints
from agents.deps import Deps
from agents.execution import LEASE_S, Executor
from agents.graph import build_graph
from agents.leases import Leases
from agents.runs import Runs
from agents.schemas import tool_schemas
from agents.store import Store
from api import chat, health, runs, threads, trading
from api.access import Access
from api.requests import Guard
from pilothouse import clock
from pilothouse.db import make_pool, wait_until_reachable
from pilothouse.models import ModelClient
from pilothouse.serving import install_error_handlers
from pilothouse.settings import ControllerSettings
from tools.database import database_tools
from tools.memory import MemoryClient, memory_tools
from tools.trading import TradingClient, trading_tools
from tools.workflows import workflow_tools

STATIC = Path(__file__).parent / "static"
POOL_SIZE = 20


def create_app(settings: ControllerSettings) -> FastAPI:
    """The controller as an ASGI app."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            await compose(app, settings, stack)
            yield
            await app.state.runs.close()

    app = FastAPI(title="Pilothouse", version="0.1.0", docs_url=None, redoc_url=None, lifespan=lifespan)
    install_error_handlers(app, payload_error=RequestValidationError)
    app.add_middleware(Guard)
    for module in (chat, runs, threads, trading, health):
        app.include_router(module.router)
    app.mount("/", StaticFiles(directory=STATIC, html=True))
    return app


async def compose(app: FastAPI, settings: ControllerSettings, stack: AsyncExitStack) -> None:
    """Open what the routes use and keep it until the app stops."""
    pool = await stack.enter_async_context(make_pool(settings.database_url, size=POOL_SIZE))
    await wait_until_reachable(pool)
    await checkpoints.set_up(settings.database_url)
    reader = await stack.enter_async_context(make_pool(settings.reader_url, size=2))
    session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))

    memory = MemoryClient(session=session, url=settings.memory_url, key=settings.memory_key)
    broker = TradingClient(session=session, url=settings.broker_url, key=settings.broker_key)
    tools = [
        *memory_tools(memory),
        *trading_tools(broker),
        *workflow_tools(session=session, url=settings.n8n_webhook_url, token=settings.n8n_webhook_token),
        *database_tools(reader),
    ]
    deps = Deps(
        model=ModelClient(session=session, url=settings.proxy_url, key=settings.proxy_key),
        memory=memory,
        tools={tool.name: tool for tool in tools},
        schemas=tool_schemas(tools),
        clock=clock.now,
    )
    store = Store(pool)
    app.state.pool = pool
    app.state.session = session
    app.state.access = Access(pool=pool, secret=settings.key_secret, clock=clock.now)
    leases = Leases(pool, lease_s=LEASE_S)
    executor = Executor(graph=build_graph(deps), pool=pool, store=store, leases=leases, clock=clock.now)
    app.state.runs = Runs(pool=pool, store=store, leases=leases, executor=executor, model=settings.model)
    app.state.services = {"proxy": settings.proxy_url, "broker": settings.broker_url, "memory": settings.memory_url}
    app.state.broker = broker
    for work in (app.state.runs.sweep(), app.state.runs.listen()):
        stack.callback(asyncio.create_task(work).cancel)
