"""A process does not look alive without the work it keeps up."""

import asyncio
import signal
from contextlib import AsyncExitStack

from api.composition import keep_at


async def test_a_process_whose_work_breaks_is_told_to_end() -> None:
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, told.set)

    async def broken() -> None:
        raise RuntimeError

    try:
        async with AsyncExitStack() as stack, asyncio.timeout(10):
            keep_at(broken(), stack)
            await told.wait()
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def test_work_ends_with_the_process_and_before_what_was_opened_earlier() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("work")

    async with AsyncExitStack() as stack:
        stack.callback(ended.append, "pool")
        keep_at(work(), stack)
        await asyncio.sleep(0)

    assert ended == ["work", "pool"]
