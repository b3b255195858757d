"""Execute one run: every run ends once, written down and told; or it is let go, and goes on in another process."""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

import psycopg
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphRecursionError

from agents.checkpoints import RunSaver, forget_run
from agents.deps import RunContext
from agents.encryption import Vault
from agents.events import CheckpointSaved, RunCancelled, RunFailed, RunFinished, RunStarted
from agents.graph import Controller
from agents.journal import RunLostError
from agents.leases import End, Leases, NewRun
from agents.live import LiveRun
from agents.record import recorded_events, recorded_messages
from agents.serializer import UnreadableStateError
from agents.store import Store
from pilothouse import log
from pilothouse.db import Pool
from pilothouse.errors import PilothouseError, TimedOutError, restored
from pilothouse.settings import REHEARSAL_MODEL, REHEARSAL_NOTICE

LEASE_S = 12
HEARTBEAT_S = 4
RETRY_S = 1
STEP_LIMIT = 60
MAX_ATTEMPTS = 5
FAILED = "failed"  # the journal's step of a run that can only fail
LOGS = "bin/pilothouse logs controller"

logger = log.get_logger()


class Executor:
    """Runs the graph for runs that this process holds."""

    def __init__(self, *, graph: Controller, pool: Pool, vault: Vault, store: Store, leases: Leases) -> None:
        """`graph` comes without a checkpointer; each run gets its own."""
        self._graph = graph
        self._pool = pool
        self._vault = vault
        self._store = store
        self._leases = leases

    async def execute(self, live: LiveRun) -> None:
        """From the beginning, or from where an earlier attempt came to, to the end."""
        end: End | None = None
        helpers = [self._beside(live, live.write()), self._beside(live, self._keep_lease(live))]
        try:
            end = await self._outcome(live)
            live.is_ending = True
            await to_its_end(self._conclude(live, end))
        except RunLostError as error:
            logger.warning("run.lost", run_id=str(live.run.id), reason=error.message)
        except psycopg.errors.DiskFull:
            logger.warning("run.disk_full", run_id=str(live.run.id))
            for helper in helpers:
                helper.cancel()
            await self._wait_for_room(live, end)
        except psycopg.Error as error:  # the lease runs out, and another process goes on
            logger.warning("run.database_lost", run_id=str(live.run.id), reason=type(error).__name__)
        finally:
            for helper in helpers:
                helper.cancel()
            live.close()

    async def _outcome(self, live: LiveRun) -> End | None:
        """The run loop. None: the run did not end here."""
        try:
            return await self._work(live)
        except (RunLostError, psycopg.OperationalError):
            raise
        except PilothouseError as error:
            return _failed(live, error)
        except TimeoutError:
            hint = "ask a narrower question, or allow more time"
            return _failed(live, TimedOutError(f"the run did not end within {live.run.deadline_s} s", hint=hint))
        except GraphRecursionError:
            return _failed(live, PilothouseError("the run took too many steps", hint="ask a narrower question"))
        except asyncio.CancelledError:
            return _cancelled(live)
        except Exception as error:  # the run loop: a bug ends this run, told as such, and nothing else
            quotable = not isinstance(error, psycopg.Error)  # those quote what was to be stored
            logger.exception("run.crashed", run_id=str(live.run.id), kind=type(error).__name__, exc_info=quotable)
            return _failed(live, PilothouseError("the run broke on our side", hint=LOGS))

    async def _work(self, live: LiveRun) -> End:
        run = live.run
        live.emit(_started(run))
        for event in recorded_events(run, live.journal):
            live.emit(event)
        if (failure := live.journal.recorded(FAILED)) is not None:
            raise restored(failure)
        if run.cancel_asked is not None:
            raise asyncio.CancelledError
        if run.attempts > MAX_ATTEMPTS:
            raise PilothouseError(f"the run was interrupted {MAX_ATTEMPTS} times", hint=LOGS)
        async with asyncio.timeout(max(0.0, run.deadline_s - run.elapsed_s)):
            state = await self._run_graph(live)
        return _finished(live, state["messages"][-1].text)

    async def _run_graph(self, live: LiveRun) -> Any:
        run, saver = live.run, self._saver(live)
        try:
            return await self._graph_with(saver).ainvoke(
                {
                    "messages": [HumanMessage(run.message, id=str(run.id))],
                    "tells_of": str(run.tells_of) if run.tells_of else "",
                },
                _config(run),
                context=self._context(live),
                durability="exit",
            )
        except asyncio.CancelledError:  # LangGraph may be at its end and goes on storing behind our back
            await to_its_end(saver.close())
            raise

    async def _wait_for_room(self, live: LiveRun, end: End | None) -> None:
        """Keep the run until the disk takes what is to be told: nobody else could tell it, and attempts are counted.

        Whoever cannot keep it, or has nothing to try the disk with, lets the lease run out: another process goes on.
        """
        with suppress(psycopg.Error, RunLostError):
            while (end is not None or live.has_untold) and await self._leases.keep(live.run):
                with suppress(psycopg.errors.DiskFull):
                    await live.flush()
                    await self._conclude(live, end)
                    return
                await asyncio.sleep(RETRY_S)

    async def _conclude(self, live: LiveRun, end: End | None) -> None:
        """Make the thread what the end says, then end; each may be repeated by whoever takes over in between."""
        run = live.run
        if end is None:
            logger.info("run.let_go", run_id=str(run.id))
            await self._leases.let_go(run)
            return
        if end.status == "cancelled" and live.on_cancel == "roll back":
            await forget_run(self._pool, run)
        elif end.status != "finished":
            await self._keep_failure(live, end)
            with suppress(UnreadableStateError):  # then the thread keeps nothing, and the run says why
                await self._keep_what_was_done(live)
        await live.end(self._leases, end)

    async def _keep_failure(self, live: LiveRun, end: End) -> None:
        """Whoever takes over before the end is stored must not mistake what was kept for an answer."""
        if end.error is not None and live.journal.recorded(FAILED) is None:
            await live.journal.record(FAILED, end.error)

    async def _keep_what_was_done(self, live: LiveRun) -> None:
        """Into the thread, so that the next message meets a model that knows which calls took effect."""
        await live.journal.read()  # a write that was cancelled may be there all the same
        messages = recorded_messages(live.run, live.journal)
        graph = self._graph_with(self._saver(live))
        await graph.aupdate_state(_config(live.run), {"messages": messages}, as_node="remember")

    def _saver(self, live: LiveRun) -> RunSaver:
        def tell(checkpoint_id: str) -> None:
            live.emit(CheckpointSaved(checkpoint_id=checkpoint_id))

        return RunSaver(self._pool, live.run, self._vault, on_saved=tell)

    def _graph_with(self, saver: RunSaver) -> Any:
        """The graph with a run's checkpoints; Any, because its overloads defeat strict typing."""
        return self._graph.copy({"checkpointer": saver})

    def _context(self, live: LiveRun) -> RunContext:
        run = live.run
        return RunContext(
            run_id=str(run.id),
            thread_id=str(run.thread_id),
            user_id=run.user_id,
            model=run.model,
            max_model_calls=run.max_model_calls,
            budget_usd=run.budget_usd,
            emit=live.emit,
            spent_usd=lambda: live.cost_usd if live.cost_is_known else None,
            attempt=run.attempts,
            journal=live.journal,
            mark_tainted=self._store.taint_thread,
            note_awaited=partial(self._store.note_awaited, run_id=run.id),
            tainted=live.tainted,
        )

    async def _keep_lease(self, live: LiveRun) -> None:
        """Renew until the run ends; without a renewal in time the run may be another process's."""
        renewed_at = time.monotonic()
        while time.monotonic() - renewed_at < LEASE_S - HEARTBEAT_S:
            await asyncio.sleep(HEARTBEAT_S)
            with suppress(psycopg.OperationalError, TimeoutError):  # the lease outlives a short outage
                async with asyncio.timeout(HEARTBEAT_S):
                    if not await self._leases.keep(live.run):
                        break
                renewed_at = time.monotonic()
        raise RunLostError("its lease ran out")

    def _beside(self, live: LiveRun, work: Any) -> asyncio.Task[None]:
        """A task beside the run; when it ends by itself, the run cannot go on here."""
        running = asyncio.current_task()
        task: asyncio.Task[None] = asyncio.create_task(work)

        def stop_run(ended: asyncio.Task[None]) -> None:
            if not ended.cancelled():
                live.broken = ended.exception()
                logger.warning("run.stopped", run_id=str(live.run.id), reason=str(live.broken))
                if running is not None:
                    running.cancel()

        task.add_done_callback(stop_run)
        return task


def _config(run: NewRun) -> RunnableConfig:
    """LangGraph's; the run's id goes into the metadata of the checkpoints it writes."""
    return {
        "configurable": {"thread_id": str(run.thread_id)},
        "metadata": {"run_id": str(run.id)},
        "recursion_limit": STEP_LIMIT,
    }


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """A cancellation comes too late for this."""
    task = asyncio.create_task(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    task.result()


def _started(run: NewRun) -> RunStarted:
    rehearsal = run.model == REHEARSAL_MODEL
    return RunStarted(
        run_id=str(run.id),
        thread_id=str(run.thread_id),
        model=run.model,
        rehearsal=rehearsal,
        notice=REHEARSAL_NOTICE if rehearsal else "",
    )


def _finished(live: LiveRun, answer: str) -> End:
    run = live.run
    event = RunFinished(run_id=str(run.id), thread_id=str(run.thread_id), answer=answer, cost_usd=live.cost_usd)
    return End(status="finished", event=event, cost_usd=live.cost_usd, answer=answer)


def _cancelled(live: LiveRun) -> End | None:
    """By a person or a newer message. Otherwise this process stops, and the run goes on elsewhere at once.

    Not at once when it cannot be kept or told: whoever takes it over could not either, and attempts are counted.
    """
    run = live.run
    if live.on_cancel is None and live.broken is not None:
        raise live.broken
    if live.on_cancel is None:
        return None
    event = RunCancelled(run_id=str(run.id), thread_id=str(run.thread_id), kept=live.on_cancel == "keep")
    return End(status="cancelled", event=event, cost_usd=live.cost_usd)


def _failed(live: LiveRun, error: PilothouseError) -> End:
    run, told = live.run, error.body()["error"]
    event = RunFailed(run_id=str(run.id), thread_id=str(run.thread_id), error=told)
    return End(status="failed", event=event, cost_usd=live.cost_usd, error=told)
