"""Start, run and look at runs: the only door for `api/`. A run goes on when the client that asked for it leaves."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
from langchain_core.messages import AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphRecursionError
from psycopg_pool import PoolTimeout

from agents.checkpoints import make_saver
from agents.deps import RunContext
from agents.events import Event, RunFailed, RunFinished, RunStarted, UsageRecorded
from agents.graph import Controller
from agents.store import NewRun, Run, Store, Thread
from pilothouse import log
from pilothouse.db import Pool
from pilothouse.errors import ConflictError, PilothouseError, UnavailableError
from pilothouse.settings import REHEARSAL_MODEL, REHEARSAL_NOTICE

LEASE_S = 12
HEARTBEAT_S = 4
STEP_LIMIT = 60

logger = log.get_logger()


@dataclass(frozen=True)
class StartRun:
    """What a caller wants run."""

    user_id: str
    caller: str
    message: str
    thread_id: UUID | None = None
    idempotency_key: str | None = None


class LiveRun:
    """A run under way in this process, and what it has told so far."""

    def __init__(self, run: NewRun, *, tainted: bool) -> None:
        """Collects events until the run's last one. `tainted`: what its thread was when it began."""
        self.run = run
        self.tainted = tainted
        self._events: list[Event] = []
        self._news = asyncio.Event()

    def emit(self, event: Event) -> None:
        """Tell everyone who listens."""
        self._events.append(event)
        self._news.set()

    @property
    def cost_usd(self) -> Decimal:
        """What the run's model calls cost so far."""
        costs = (event.cost_usd for event in self._events if isinstance(event, UsageRecorded))
        return sum((cost for cost in costs if cost is not None), Decimal(0))

    async def events(self) -> AsyncGenerator[Event]:
        """Everything from the beginning; ends after `run.finished` or `run.failed`."""
        position = 0
        while True:
            while position < len(self._events):
                event = self._events[position]
                position += 1
                yield event
                if isinstance(event, RunFinished | RunFailed):
                    return
            self._news.clear()
            await self._news.wait()


class Runs:
    """Starts runs on threads and executes them."""

    def __init__(self, *, store: Store, graph: Controller, pool: Pool, model: str) -> None:
        """`model` is what new runs ask for."""
        self._store = store
        self._graph = graph
        self._pool = pool
        self._model = model
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, command: StartRun) -> LiveRun:
        """Store the run, take its thread, begin. Raises `ConflictError` while another run holds the thread."""
        if command.thread_id is not None:
            await self._store.get_thread(command.thread_id, user_id=command.user_id)
        run = NewRun(
            id=uuid4(),
            thread_id=command.thread_id or uuid4(),
            user_id=command.user_id,
            caller=command.caller,
            idempotency_key=command.idempotency_key,
            message=command.message,
            model=self._model,
        )
        try:
            taken = await self._store.add_run(run, lease_s=LEASE_S)
        except psycopg.errors.UniqueViolation as error:
            raise ConflictError("a run with this Idempotency-Key is under way", hint="wait for it to end") from error
        if not taken:
            raise ConflictError(f"thread {run.thread_id} is busy with another run", hint="wait for it to end")
        live = LiveRun(run, tainted=command.thread_id is not None and await self._is_tainted(run))
        task = asyncio.create_task(self._execute(live), name=f"run {run.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return live

    async def find(self, *, user_id: str, idempotency_key: str) -> Run | None:
        """The run an earlier request with the same key started."""
        return await self._store.find_run(user_id=user_id, idempotency_key=idempotency_key)

    async def get_thread(self, thread_id: UUID, *, user_id: str) -> tuple[Thread, Sequence[AnyMessage], list[Run]]:
        """A thread with its messages and runs."""
        thread = await self._store.get_thread(thread_id, user_id=user_id)
        state = await self._graph_for_run().aget_state(_config(thread_id))
        return thread, state.values.get("messages", []), await self._store.list_runs(thread_id)

    async def close(self) -> None:
        """Let what runs here come to an end; what does not in time is cut off and marked as failed."""
        if self._tasks:
            _, pending = await asyncio.wait(self._tasks, timeout=3)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def _is_tainted(self, run: NewRun) -> bool:
        """Asked while the thread is held, so that no other run can taint it in between."""
        return (await self._store.get_thread(run.thread_id, user_id=run.user_id)).tainted

    def _graph_for_run(self) -> Controller:
        return self._graph.copy({"checkpointer": make_saver(self._pool)})

    async def _execute(self, live: LiveRun) -> None:
        """The run loop: every way a run can end is written down and told."""
        run = live.run
        work = asyncio.current_task()
        heartbeat = asyncio.create_task(self._keep_lease(run, work))
        try:
            await self._work(live)
        except asyncio.CancelledError:
            await self._fail(live, PilothouseError("the run was interrupted", hint="ask again: the thread is intact"))
        except PilothouseError as error:
            await self._fail(live, error)
        except (psycopg.OperationalError, PoolTimeout) as error:
            logger.warning("run.database_lost", run_id=str(run.id), reason=str(error))
            await self._fail(live, UnavailableError("the database went away", hint="ask again in a moment"))
        except GraphRecursionError:
            await self._fail(live, PilothouseError("the run took too many steps", hint="ask a narrower question"))
        except Exception:  # the run loop: a bug ends this run, told as such, and nothing else
            logger.exception("run.crashed", run_id=str(run.id))
            await self._fail(live, PilothouseError("the run broke on our side", hint="bin/pilothouse logs controller"))
        finally:
            heartbeat.cancel()

    async def _work(self, live: LiveRun) -> None:
        run = live.run
        live.emit(_started(run))
        graph: Any = self._graph_for_run()  # Any: ainvoke's overloads defeat strict typing
        state = await graph.ainvoke(
            {"messages": [HumanMessage(run.message, id=str(run.id))]},
            _config(run.thread_id),
            context=self._context(live),
            durability="exit",
        )
        answer: str = state["messages"][-1].text
        await self._store.end_run(run, status="finished", answer=answer, cost_usd=live.cost_usd)
        live.emit(RunFinished(run_id=str(run.id), thread_id=str(run.thread_id), answer=answer, cost_usd=live.cost_usd))

    def _context(self, live: LiveRun) -> RunContext:
        return RunContext(
            run_id=str(live.run.id),
            thread_id=str(live.run.thread_id),
            user_id=live.run.user_id,
            model=live.run.model,
            emit=live.emit,
            mark_tainted=self._store.taint_thread,
            tainted=live.tainted,
        )

    async def _fail(self, live: LiveRun, error: PilothouseError) -> None:
        run, told = live.run, error.body()["error"]
        try:
            await self._store.end_run(run, status="failed", cost_usd=live.cost_usd, error=told)
        except (psycopg.OperationalError, PoolTimeout) as lost:
            logger.warning("run.end_not_stored", run_id=str(run.id), reason=str(lost))
        live.emit(RunFailed(run_id=str(run.id), thread_id=str(run.thread_id), error=told))

    async def _keep_lease(self, run: NewRun, work: asyncio.Task[Any] | None) -> None:
        """Renew until the run ends; a run that lost its thread stops at once."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            with suppress(psycopg.OperationalError, PoolTimeout):  # the lease outlives a short outage
                if not await self._store.keep_lease(run, lease_s=LEASE_S) and work is not None:
                    logger.warning("run.lease_lost", run_id=str(run.id))
                    work.cancel()
                    return


def _config(thread_id: UUID) -> RunnableConfig:
    return {"configurable": {"thread_id": str(thread_id)}, "recursion_limit": STEP_LIMIT}


def _started(run: NewRun) -> RunStarted:
    rehearsal = run.model == REHEARSAL_MODEL
    return RunStarted(
        run_id=str(run.id),
        thread_id=str(run.thread_id),
        model=run.model,
        rehearsal=rehearsal,
        notice=REHEARSAL_NOTICE if rehearsal else "",
    )
