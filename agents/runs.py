"""Start, run and look at runs: the only door for `api/`. A run goes on when the client that asked for it leaves."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
from langchain_core.messages import AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphRecursionError
from psycopg_pool import PoolTimeout

from agents.checkpoints import make_saver
from agents.deps import RunContext
from agents.events import RunFailed, RunFinished, RunStarted
from agents.graph import Controller
from agents.journal import RunJournal, RunLostError, read_journal
from agents.live import LiveRun
from agents.store import NewRun, Run, Store, Thread
from pilothouse import log
from pilothouse.db import Pool
from pilothouse.errors import ConflictError, PilothouseError
from pilothouse.settings import REHEARSAL_MODEL, REHEARSAL_NOTICE

LEASE_S = 12
HEARTBEAT_S = 4
STEP_LIMIT = 60
MAX_ATTEMPTS = 5
CLOSE_S = 1

logger = log.get_logger()


@dataclass(frozen=True)
class StartRun:
    """What a caller wants run."""

    user_id: str
    caller: str
    message: str
    thread_id: UUID | None = None
    idempotency_key: str | None = None


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
        tainted = command.thread_id is not None and await self._is_tainted(run)
        return self._begin(LiveRun(run, tainted=tainted, journal=RunJournal(self._pool, run.id, {})))

    async def take_over(self) -> int:
        """Go on with runs whose process died; returns how many."""
        runs = await self._store.take_over(lease_s=LEASE_S)
        for run in runs:
            logger.info("run.taken_over", run_id=str(run.id), attempt=run.attempts)
            journal = await read_journal(self._pool, run.id)
            self._begin(LiveRun(run, tainted=await self._is_tainted(run), journal=journal))
        return len(runs)

    async def find(self, *, user_id: str, idempotency_key: str) -> Run | None:
        """The run an earlier request with the same key started."""
        return await self._store.find_run(user_id=user_id, idempotency_key=idempotency_key)

    async def get_thread(self, thread_id: UUID, *, user_id: str) -> tuple[Thread, Sequence[AnyMessage], list[Run]]:
        """A thread with its messages and runs."""
        thread = await self._store.get_thread(thread_id, user_id=user_id)
        state = await self._graph_for_run().aget_state(_config(thread_id))
        return thread, state.values.get("messages", []), await self._store.list_runs(thread_id)

    async def close(self) -> None:
        """Let runs come to an end; what does not in time is let go, for another process to go on with."""
        if self._tasks:
            _, pending = await asyncio.wait(self._tasks, timeout=CLOSE_S)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    def _begin(self, live: LiveRun) -> LiveRun:
        task = asyncio.create_task(self._execute(live), name=f"run {live.run.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return live

    async def _is_tainted(self, run: NewRun) -> bool:
        """Asked while the thread is held, so that no other run can taint it in between."""
        return (await self._store.get_thread(run.thread_id, user_id=run.user_id)).tainted

    def _graph_for_run(self) -> Controller:
        return self._graph.copy({"checkpointer": make_saver(self._pool)})

    async def _execute(self, live: LiveRun) -> None:
        """The run loop: a run ends once, told and written down; or it is let go, and goes on elsewhere."""
        heartbeat = asyncio.create_task(self._keep_lease(live, asyncio.current_task()))
        try:
            await self._work(live)
        except RunLostError as error:
            logger.warning("run.lost", run_id=str(live.run.id), reason=error.message)
        except PilothouseError as error:
            await self._fail(live, error)
        except GraphRecursionError:
            await self._fail(live, PilothouseError("the run took too many steps", hint="ask a narrower question"))
        except (psycopg.OperationalError, PoolTimeout) as error:
            logger.warning("run.database_lost", run_id=str(live.run.id), reason=str(error))
        except asyncio.CancelledError:
            await self._let_go(live)
        except Exception:  # the run loop: a bug ends this run, told as such, and nothing else
            logger.exception("run.crashed", run_id=str(live.run.id))
            await self._fail(live, PilothouseError("the run broke on our side", hint="bin/pilothouse logs controller"))
        finally:
            heartbeat.cancel()
            live.close()

    async def _work(self, live: LiveRun) -> None:
        run = live.run
        live.emit(_started(run))
        if run.attempts > MAX_ATTEMPTS:
            raise PilothouseError(
                f"the run was interrupted {MAX_ATTEMPTS} times", hint="bin/pilothouse logs controller"
            )
        graph: Any = self._graph_for_run()  # Any: ainvoke's overloads defeat strict typing
        state = await graph.ainvoke(
            {"messages": [HumanMessage(run.message, id=str(run.id))]},
            _config(run.thread_id),
            context=self._context(live),
            durability="exit",
        )
        answer: str = state["messages"][-1].text
        if not await self._store.end_run(run, status="finished", answer=answer, cost_usd=live.cost_usd):
            raise RunLostError("it was ended by another process")
        live.emit(RunFinished(run_id=str(run.id), thread_id=str(run.thread_id), answer=answer, cost_usd=live.cost_usd))

    def _context(self, live: LiveRun) -> RunContext:
        return RunContext(
            run_id=str(live.run.id),
            thread_id=str(live.run.thread_id),
            user_id=live.run.user_id,
            model=live.run.model,
            emit=live.emit,
            journal=live.journal,
            mark_tainted=self._store.taint_thread,
            tainted=live.tainted,
        )

    async def _fail(self, live: LiveRun, error: PilothouseError) -> None:
        run, told = live.run, error.body()["error"]
        try:
            ended = await self._store.end_run(run, status="failed", cost_usd=live.cost_usd, error=told)
        except (psycopg.OperationalError, PoolTimeout) as lost:
            logger.warning("run.database_lost", run_id=str(run.id), reason=str(lost))
            return
        if ended:
            live.emit(RunFailed(run_id=str(run.id), thread_id=str(run.thread_id), error=told))

    async def _let_go(self, live: LiveRun) -> None:
        """So that another process need not wait for the lease to run out."""
        logger.info("run.let_go", run_id=str(live.run.id))
        with suppress(psycopg.OperationalError, PoolTimeout):
            await self._store.keep_lease(live.run, lease_s=0)

    async def _keep_lease(self, live: LiveRun, work: asyncio.Task[Any] | None) -> None:
        """Renew until the run ends. Without a renewal in time the run may be another process's: stop at once."""
        renewed_at = time.monotonic()
        while time.monotonic() - renewed_at < LEASE_S - HEARTBEAT_S:
            await asyncio.sleep(HEARTBEAT_S)
            with suppress(psycopg.OperationalError, PoolTimeout, TimeoutError):  # the lease outlives a short outage
                async with asyncio.timeout(HEARTBEAT_S):
                    if not await self._store.keep_lease(live.run, lease_s=LEASE_S):
                        break
                renewed_at = time.monotonic()
        logger.warning("run.lease_lost", run_id=str(live.run.id))
        if work is not None:
            work.cancel()


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
