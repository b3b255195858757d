"""`python -m api.worker`: execute background and scheduled runs beside the controller, on the same database."""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack

import uvloop

from api.composition import open_core
from pilothouse import log
from pilothouse.errors import SettingsError
from pilothouse.settings import ControllerSettings

logger = log.get_logger()


async def work(settings: ControllerSettings) -> None:
    """Until told to stop; then what is under way is let go, for others to go on with."""
    if not settings.background_runs:
        raise SettingsError("PILOTHOUSE_BACKGROUND_RUNS is 0: nothing to do for a worker", hint="set 1 or more")
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        await open_core(settings, stack)
        logger.info("worker.ready", at_once=settings.background_runs)
        await stopped.wait()
    logger.info("worker.stopped")


def main() -> None:
    """The process. What keeps it from starting is one line, not a traceback."""
    log.configure("worker")
    try:
        uvloop.run(work(ControllerSettings.load()))
    except SettingsError as error:
        sys.exit(f"worker: {error.message} ({error.hint})")


if __name__ == "__main__":
    main()
