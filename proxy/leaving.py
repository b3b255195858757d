"""What is done for a client ends when the client leaves."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

from starlette.types import Receive


@contextmanager
def cancelled_when_client_leaves(receive: Receive) -> Generator[None]:
    """Cancel the task inside the block as soon as its client is gone.

    The request's body must have been read: the next message is the one that says so.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 -- a route runs in one

    def give_up(_: object) -> None:
        task.cancel()

    leaving = asyncio.ensure_future(receive())
    leaving.add_done_callback(give_up)
    try:
        yield
    finally:
        leaving.remove_done_callback(give_up)
        leaving.cancel()
