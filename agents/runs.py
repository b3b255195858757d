"""Start, cancel, follow and look at runs: the only door for `api/`. A run goes on when whoever asked for it leaves."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID, uuid4

import psycopg
from langchain_core.messages import AnyMessage

from agents.background import Background
from agents.encryption import Vault
from agents.eventlog import EventLog, StoredEvent
from agents.execution import Executor
from agents.journal import read_journal
from agents.leases import CHANNEL, Leases, Limits, NewRun, OnCancel
from agents.live import LiveRun
from agents.store import Run, Store, Thread, no_thread
from agents.transcript import Transcript
from pilothouse import log
from pilothouse.cancelling import cancel_until_ended
from pilothouse.db import Pool
from pilothouse.errors import ConflictError

CLOSE_S = 1
SWEEP_S = 2

IfBusy = Literal["reject", "enqueue", "interrupt", "rollback"]
ON_CANCEL: dict[IfBusy, OnCancel] = {"interrupt": "keep", "rollback": "roll back"}

logger = log.get_logger()


@dataclass(frozen=True)
class StartRun:
    """What a caller wants run, and what is to become of a run that holds the thread already."""

    user_id: str
    caller: str
    message: str
    thread_id: UUID | None = None
    idempotency_key: str | None = None
    if_busy: IfBusy = "reject"
    limits: Limits = field(default_factory=Limits)
    background: bool = False  # wait for a worker, instead of beginning at once in this process


class Runs:
    """Starts runs on threads and executes those that this process holds."""

    def __init__(
        self,
        *,
        pool: Pool,
        vault: Vault,
        store: Store,
        leases: Leases,
        background: Background,
        executor: Executor,
        model: str,
    ) -> None:
        """`model` is what new runs ask for."""
        self._pool = pool
        self._store = store
        self._leases = leases
        self._background = background
        self._executor = executor
        self._log = EventLog(pool)
        self._transcript = Transcript(pool, vault)
        self._model = model
        self._live: dict[UUID, LiveRun] = {}
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._closing = False

    async def start(self, command: StartRun) -> NewRun:
        """Store the run; begin it, or let it wait for its thread as `if_busy` says."""
        if command.thread_id is not None:
            await self._store.get_thread(command.thread_id, user_id=command.user_id)
        run = self._accepted(command)
        add = self._background.add if command.background else self._leases.add
        try:
            status = await add(run, may_wait=command.if_busy != "reject", urgent=command.if_busy in ON_CANCEL)
        except psycopg.errors.UniqueViolation as error:
            raise ConflictError("a run with this Idempotency-Key is under way", hint="wait for it to end") from error
        except psycopg.errors.ForeignKeyViolation as error:  # deleted since it was looked for
            raise no_thread(run.thread_id) from error
        if status is None:
            hint = "wait for it to end, or say in 'if_busy' what to do: enqueue, interrupt or rollback"
            raise ConflictError(f"thread {run.thread_id} is busy with another run", hint=hint)
        if status == "running":
            await self._begin(run, is_new=command.thread_id is None)
        else:
            await self._make_way(run, command.if_busy)
        return run

    async def work(self, run_id: UUID) -> None:
        """A worker's job: begin the run, or whichever comes first on its thread, and stay while this process has it.

        If the thread is busy, whoever frees it begins the run: waiting for a thread holds no worker.
        """
        run = await self._background.take(run_id)
        if run is None:
            return
        logger.info("run.begun", run_id=str(run.id))
        await self._begin(run)
        while (task := self._task_on(run.thread_id)) is not None:  # runs that wait behind it are begun here too
            await asyncio.wait([task])

    async def cancel(self, run_id: UUID, *, user_id: str) -> Run:
        """Ask for the end of a run; what it did so far stays in the thread."""
        await self._store.get_run(run_id, user_id=user_id)
        await self._leases.ask_cancel(run_id, on_cancel="keep")
        return await self._store.get_run(run_id, user_id=user_id)

    async def follow(self, run_id: UUID, *, after: int, silence_s: float) -> AsyncGenerator[Sequence[StoredEvent]]:
        """A run's events after number `after`, to its end, wherever it is executed; empty after each silence."""
        live = self._live.get(run_id)
        if live is not None and after >= live.earlier:
            async for batch in live.follow(after=after, silence_s=silence_s):
                yield batch
                after = batch[-1].number if batch else after
                if batch and batch[-1].is_end:
                    return
        async for batch in self._log.follow(run_id, after=after, silence_s=silence_s):
            yield batch

    async def find(self, *, user_id: str, idempotency_key: str) -> Run | None:
        """The run an earlier request with the same key started."""
        return await self._store.find_run(user_id=user_id, idempotency_key=idempotency_key)

    async def get(self, run_id: UUID, *, user_id: str) -> Run:
        """One run of a user."""
        return await self._store.get_run(run_id, user_id=user_id)

    async def list_runs(self, *, user_id: str, limit: int) -> list[Run]:
        """A user's newest runs."""
        return await self._store.list_user_runs(user_id=user_id, limit=limit)

    async def list_threads(self, *, user_id: str, limit: int) -> list[Thread]:
        """A user's newest threads."""
        return await self._store.list_threads(user_id=user_id, limit=limit)

    async def get_thread(self, thread_id: UUID, *, user_id: str) -> tuple[Thread, Sequence[AnyMessage], list[Run]]:
        """A thread with its messages and runs."""
        thread = await self._store.get_thread(thread_id, user_id=user_id)
        messages = await self._transcript.read_thread(thread_id)
        return thread, messages, await self._store.list_runs(thread_id)

    async def delete_thread(self, thread_id: UUID, *, user_id: str) -> None:
        """A thread with everything of its runs, for good; refused while a run holds it."""
        await self._store.get_thread(thread_id, user_id=user_id)
        if not await self._store.delete_thread(thread_id):
            raise ConflictError(f"thread {thread_id} is busy with a run", hint="cancel the run first")

    async def sweep(self) -> None:
        """For as long as the process lives: go on with runs whose process died, begin runs whose thread became free."""
        while True:
            try:
                for run in await self._leases.take_over():
                    await self._go_on(run)
                while (waiting := await self._leases.claim()) is not None:
                    await self._begin(waiting)
                await self._check_cancelled()
            except psycopg.Error as error:  # the next sweep comes soon
                logger.warning("sweep.failed", reason=type(error).__name__)
            await asyncio.sleep(SWEEP_S)

    async def listen(self) -> None:
        """For as long as the process lives: hear at once that a run is to be cancelled, whichever process was asked."""
        while True:
            try:
                async with self._pool.connection() as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    async for notice in connection.notifies():
                        await self._hear(notice.payload)
            except psycopg.Error as error:  # meanwhile the sweep looks
                logger.warning("listening.failed", reason=type(error).__name__)
            await asyncio.sleep(SWEEP_S)

    async def close(self) -> None:
        """Let runs come to an end; what does not in time is let go, for another process to go on with."""
        self._closing = True
        if self._tasks:
            _, pending = await asyncio.wait(self._tasks.values(), timeout=CLOSE_S)
            await cancel_until_ended(*pending)

    def _accepted(self, command: StartRun) -> NewRun:
        return NewRun(
            id=uuid4(),
            thread_id=command.thread_id or uuid4(),
            user_id=command.user_id,
            caller=command.caller,
            idempotency_key=command.idempotency_key,
            message=command.message,
            model=self._model,
            **vars(command.limits),
        )

    async def _make_way(self, run: NewRun, if_busy: IfBusy) -> None:
        """Cancel what holds the thread, where the policy says so; the thread may also have become free meanwhile."""
        if (on_cancel := ON_CANCEL.get(if_busy)) is not None:
            await self._leases.ask_to_make_way(run, on_cancel=on_cancel)
        await self._begin_next(run.thread_id)

    async def _go_on(self, run: NewRun) -> None:
        """With a run whose lease ran out: because its process died, or because this one was asleep."""
        logger.info("run.taken_over", run_id=str(run.id), attempt=run.attempts)
        if (asleep := self._tasks.get(run.id)) is not None:
            await cancel_until_ended(asleep)
        await self._begin(run)

    async def _begin(self, run: NewRun, *, is_new: bool = False) -> None:
        """Execute a run that this process holds. `is_new`: its thread is, so there is nothing to look up."""
        tainted = not is_new and (await self._store.get_thread(run.thread_id, user_id=run.user_id)).tainted
        journal = await read_journal(self._pool, run)
        told = await self._log.read_earlier(run.id, attempts=run.attempts)
        live = LiveRun(run, tainted=tainted, journal=journal, log=self._log, told=told)
        self._live[run.id] = live
        self._tasks[run.id] = asyncio.create_task(self._execute(live), name=f"run {run.id}")

    async def _execute(self, live: LiveRun) -> None:
        try:
            await self._executor.execute(live)
        finally:
            del self._live[live.run.id], self._tasks[live.run.id]
        with suppress(psycopg.Error):  # else the sweep begins it
            await self._begin_next(live.run.thread_id)

    async def _begin_next(self, thread_id: UUID) -> None:
        if self._closing:  # another process does
            return
        if (waiting := await self._leases.claim(thread_id)) is not None:
            await self._begin(waiting)

    def _task_on(self, thread_id: UUID) -> asyncio.Task[None] | None:
        found = (self._tasks[run_id] for run_id, live in self._live.items() if live.run.thread_id == thread_id)
        return next(found, None)

    async def _hear(self, payload: str) -> None:
        """Anyone with a login may notify: only the id of a run means something, and only the database is believed."""
        with suppress(ValueError):
            await self._check_cancelled(UUID(payload))

    async def _check_cancelled(self, *run_ids: UUID) -> None:
        """Stop those runs (all that run here, if none is named) that are to be cancelled, until they hear it."""
        now_s = asyncio.get_running_loop().time()
        for run_id in run_ids or tuple(self._live):
            live = self._live.get(run_id)
            if live is None or not live.can_be_cancelled(now_s):
                continue
            asked = live.on_cancel or await self._leases.cancel_asked(run_id)
            if asked is not None and self._live.get(run_id) is live and live.can_be_cancelled(now_s):
                live.on_cancel, live.cancelled_at_s = asked, now_s
                self._tasks[run_id].cancel()
