"""Jobs in PostgreSQL, through Procrastinate: how a run in the background reaches a worker that has a hand free.

A job carries a run's id and nothing else. Whether that run is executed, and that it is once, is decided by the lease of
its thread: a job may be delivered twice, or for a run that has long ended, and does no harm.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import psycopg
from procrastinate import App, PsycopgConnector, RetryStrategy
from procrastinate.exceptions import ConnectorException
from psycopg import AsyncConnection

from pilothouse import log

RUN = "execute_run"
QUEUE = "runs"
HEARTBEAT_S = 4
STALLED_AFTER_S = 12  # as the lease of a thread
RESCUE_CRON = "* * * * * */10"  # every ten seconds: croniter takes seconds last
POOL_SIZE = 3
CONNECTION_WAIT_S = 5
PAUSE_S = 1

Execute = Callable[[UUID], Awaitable[None]]

logger = log.get_logger()


class Jobs:
    """The queue, seen from whoever fills it and from whoever works it off."""

    def __init__(self, url: str) -> None:
        """`url` connects with the controller's role. A pool of its own: Procrastinate's listener accepts no other."""
        logging.getLogger("procrastinate").setLevel(logging.CRITICAL)  # a restart of PostgreSQL is one line of ours
        connector = PsycopgConnector(conninfo=url, min_size=1, max_size=POOL_SIZE, timeout=CONNECTION_WAIT_S)
        self._app = App(connector=connector)

    async def defer(self, connection: AsyncConnection[Any], run_id: UUID) -> None:
        """Queue a run's job in the transaction that stores the run: both are there, or neither."""
        deferrer = self._app.configure_task(RUN, queue=QUEUE, connection=connection)
        try:
            await deferrer.defer_async(run_id=str(run_id))
        except ConnectorException as error:  # our own code knows the database's errors, not Procrastinate's
            raise psycopg.OperationalError(str(error.__cause__ or error)) from error

    async def serve(self, execute: Execute, *, at_once: int) -> None:
        """For as long as the process lives: work jobs off, `at_once` at a time, and outlive restarts of PostgreSQL."""
        self._register(execute)
        while True:
            try:
                await self._work(at_once)
            except (ConnectorException, psycopg.OperationalError) as error:
                _require_going_on(error)
                logger.warning("worker.interrupted", reason=str(error.__cause__ or error))
            await asyncio.sleep(PAUSE_S)

    async def _work(self, at_once: int) -> None:
        try:
            await self._app.open_async()
            await self._app.run_worker_async(
                concurrency=at_once,
                install_signal_handlers=False,
                shutdown_graceful_timeout=0,  # what it waits for goes on by its lease, not by its job
                delete_jobs="always",
                update_heartbeat_interval=HEARTBEAT_S,
                stalled_worker_timeout=STALLED_AFTER_S,
            )
        finally:
            await self._app.close_async()  # a pool that could not be opened is of no use afterwards

    def _register(self, execute: Execute) -> None:
        @self._app.task(name=RUN, queue=QUEUE, retry=RetryStrategy(wait=PAUSE_S))
        async def execute_run(run_id: str) -> None:
            await execute(UUID(run_id))

        @self._app.periodic(cron=RESCUE_CRON)
        @self._app.task(name="rescue", queue=QUEUE, queueing_lock="rescue")
        async def rescue(timestamp: int) -> None:  # noqa: ARG001 -- Procrastinate passes it
            """Give the jobs of dead workers to living ones: nothing else does."""
            manager = self._app.job_manager
            for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_S):
                logger.info("job.rescued", job_id=job.id, run_id=job.task_kwargs.get("run_id"))
                await manager.retry_job(job)

        _ = execute_run, rescue


def _require_going_on(error: Exception) -> None:
    """Told to end while PostgreSQL is away, Procrastinate raises what failed in saying goodbye instead."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error
