"""What is told to end does, also when it happens not to hear that the first time."""

import asyncio

from pilothouse.cancelling import cancel_until_ended


async def test_a_task_that_swallowed_its_cancellation_is_cancelled_again() -> None:
    under_way, happened = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        under_way.set()
        try:
            await happened.wait()
        except asyncio.CancelledError:  # as `asyncio.wait_for` does when what it waits for happens just then
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await under_way.wait()

    async with asyncio.timeout(10):
        await cancel_until_ended(task, again_s=0.01)

    assert task.cancelled()


async def test_an_orderly_end_is_waited_for() -> None:
    under_way, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        under_way.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            ended.set()

    task = asyncio.create_task(work())
    await under_way.wait()

    await cancel_until_ended(task)

    assert ended.is_set()
