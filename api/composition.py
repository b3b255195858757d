"""What controller and worker have in common: every client made once, the graph, the runs they start and execute."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import aiohttp
import psycopg

from agents import checkpoints
from agents.awaited import Awaited, Fate, Waiting
from agents.background import Background
from agents.deliveries import Deliveries
from agents.deps import Deps
from agents.encryption import Vault
from agents.execution import LEASE_S, Executor
from agents.firing import Firing
from agents.graph import build_graph
from agents.hooks import Hooks
from agents.jobs import Jobs
from agents.leases import Leases
from agents.retention import Retention
from agents.runs import Runs
from agents.schedules import Schedules
from agents.schemas import tool_schemas
from agents.store import Store
from agents.trade_journal import TradeJournal
from pilothouse import clock, log
from pilothouse.cancelling import cancel_until_ended
from pilothouse.db import Pool, make_pool, wait_until_reachable
from pilothouse.errors import NotFoundError
from pilothouse.models import ModelClient
from pilothouse.outgoing import make_session, until_reached
from pilothouse.settings import WorkerSettings
from pilothouse.webhooks import HookSecrets
from tools.database import database_tools
from tools.endings_client import EndingsClient
from tools.intents_client import IntentsClient
from tools.memory import memory_tools
from tools.memory_client import MemoryClient
from tools.memory_why import Asked, FindAsked
from tools.proposals import proposal_tools
from tools.registry import Tool
from tools.trading import TradingClient, trading_tools
from tools.workflows import workflow_tools

POOL_SIZE = 20
REACHABLE_S = 30  # a connection that breaks off while the process starts is made again

logger = log.get_logger()


@dataclass(frozen=True)
class Core:
    """Opened, and kept open by the stack of exits it was opened with."""

    pool: Pool
    session: aiohttp.ClientSession
    broker: TradingClient
    memory: MemoryClient
    find_asked: FindAsked
    runs: Runs
    schedules: Schedules
    hooks: Hooks
    deliveries: Deliveries
    hook_secrets: HookSecrets


async def open_core(settings: WorkerSettings, stack: AsyncExitStack) -> Core:
    """Open everything; what works in the background is under way when this returns, and ends first."""
    pool = await stack.enter_async_context(make_pool(settings.database_url, size=POOL_SIZE))
    await wait_until_reachable(pool)
    set_up = partial(checkpoints.set_up, settings.database_url)
    await until_reached(set_up, unreachable=psycopg.OperationalError, wait_s=REACHABLE_S)
    reader = await stack.enter_async_context(make_pool(settings.reader_url, size=2))
    session = await stack.enter_async_context(make_session(at_once=0))

    memory = MemoryClient(session=session, url=settings.memory_url, key=settings.memory_key)
    broker = TradingClient(session=session, url=settings.broker_url, key=settings.broker_key)
    find_asked = partial(asked_of, Store(pool))
    tools = [
        *memory_tools(memory, find_asked),
        *trading_tools(broker),
        *proposal_tools(broker),
        *workflow_tools(session=session, url=settings.n8n_webhook_url, token=settings.n8n_webhook_token),
        *database_tools(reader),
    ]
    model = ModelClient(session=session, url=settings.proxy_url, key=settings.proxy_key)
    jobs = Jobs(settings.database_url)
    background = Background(pool, jobs, Leases(pool, lease_s=LEASE_S))
    runs = _make_runs(settings, pool, background, _make_deps(model, memory, tools))
    schedules = Schedules(pool=pool, background=background, clock=clock.now, model=settings.model)
    hooks = Hooks(pool=pool, background=background, clock=clock.now, model=settings.model)
    hook_secrets = HookSecrets(settings.hook_secret)
    deliveries = Deliveries(pool=pool, session=session, clock=clock.now, secrets=hook_secrets)
    firing = Firing(pool=pool, background=background, clock=clock.now, model=settings.model)
    stack.push_async_callback(runs.close)
    retention = Retention(pool, keep_events_days=settings.keep_events_days, clock=clock.now)
    journal = TradeJournal(pool, EndingsClient(broker), memory)
    awaited = Awaited(pool, background, partial(learn_fate, IntentsClient(broker)))
    for work in (
        runs.sweep(),
        runs.listen(),
        firing.keep_firing(),
        awaited.keep_looking(),
        deliveries.keep_delivering(),
        journal.keep_writing(),
        retention.keep_pruning(),
    ):
        keep_at(work, stack)
    if settings.background_runs:
        keep_at(jobs.serve(runs.work, at_once=settings.background_runs), stack)
    return Core(
        pool=pool,
        session=session,
        broker=broker,
        memory=memory,
        find_asked=find_asked,
        runs=runs,
        schedules=schedules,
        hooks=hooks,
        deliveries=deliveries,
        hook_secrets=hook_secrets,
    )


async def learn_fate(intents: IntentsClient, waiting: Waiting) -> Fate:
    """Of an intent that a thread waits for, as the broker tells it."""
    intent = await intents.get(str(waiting.intent_id), user_id=waiting.user_id)
    return Fate(intent.is_over, UUID(intent.replaced_by) if intent.replaced_by else None)


async def asked_of(store: Store, run_id: UUID, user_id: str) -> Asked | None:
    """What a run of this user's was asked."""
    try:
        run = await store.get_run(run_id, user_id=user_id)
    except NotFoundError:  # deleted with its thread, or somebody else's
        return None
    return Asked(run.message, run.thread_id, run.created_at)


def keep_at(work: Coroutine[Any, Any, None], stack: AsyncExitStack) -> None:
    """Let it go on beside everything else until the stack ends; then it has ended too."""
    task = asyncio.create_task(work)
    task.add_done_callback(_stop_without)

    stack.push_async_callback(cancel_until_ended, task)


def _stop_without(task: asyncio.Task[None]) -> None:
    """Work that never ends by itself broke: end the process as if told to, rather than look alive without it."""
    if not task.cancelled():
        logger.error("process.broken", exc_info=task.exception())
        signal.raise_signal(signal.SIGTERM)


def _make_deps(model: ModelClient, memory: MemoryClient, tools: list[Tool]) -> Deps:
    return Deps(
        model=model,
        memory=memory,
        tools={tool.name: tool for tool in tools},
        schemas=tool_schemas(tools),
        clock=clock.now,
    )


def _make_runs(settings: WorkerSettings, pool: Pool, background: Background, deps: Deps) -> Runs:
    vault = Vault(settings.checkpoint_key)
    store, leases = Store(pool), Leases(pool, lease_s=LEASE_S)
    executor = Executor(graph=build_graph(deps), pool=pool, vault=vault, store=store, leases=leases)
    return Runs(
        pool=pool,
        vault=vault,
        store=store,
        leases=leases,
        background=background,
        executor=executor,
        model=settings.model,
    )
