"""`python -m api.worker`: execute background and scheduled runs beside the controller, on the same database."""

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress

import uvloop

from api.composition import open_core
from pilothouse import log
from pilothouse.errors import SettingsError
from pilothouse.settings import WorkerSettings

logger = log.get_logger()


async def work(settings: WorkerSettings) -> None:
    """Until told to stop; then what is under way is let go, for others to go on with."""
    if not settings.background_runs:
        raise SettingsError("PILOTHOUSE_BACKGROUND_RUNS is 0: nothing to do for a worker", hint="set 1 or more")
    _end_on_signals()
    with suppress(asyncio.CancelledError):
        async with AsyncExitStack() as stack:
            await open_core(settings, stack)
            logger.info("worker.ready", at_once=settings.background_runs)
            await asyncio.Event().wait()
    logger.info("worker.stopped")


def _end_on_signals() -> None:
    """Also while it still waits for PostgreSQL."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 -- called by a coroutine
    end: Callable[[], object] = task.cancel
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)


def main() -> None:
    """The process. What keeps it from starting is one line, not a traceback."""
    log.configure("worker")
    try:
        uvloop.run(work(WorkerSettings.load()))
    except SettingsError as error:
        sys.exit(f"worker: {error.message} ({error.hint})")


if __name__ == "__main__":
    main()
