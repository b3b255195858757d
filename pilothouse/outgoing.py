"""HTTP to other processes: sessions whose requests may be cancelled at any moment, and patience while one restarts.

uvloop closes a socket twice when connecting is cancelled (MagicStack/uvloop#738), the second time by its number, which
may be that of a connection to PostgreSQL by then. So connecting goes on to its end, whoever leaves.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.tracing import Trace

RETRY_PAUSE_S = 0.1

T = TypeVar("T")


class SafeConnector(aiohttp.TCPConnector):
    """Opens connections in tasks of their own."""

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 -- aiohttp passes it
    ) -> ResponseHandler:
        connecting = asyncio.create_task(super()._create_connection(req, traces, timeout))
        try:
            return await asyncio.shield(connecting)
        except asyncio.CancelledError:
            connecting.add_done_callback(_close)
            raise


def make_session(*, at_once: int = 100, **options: Any) -> aiohttp.ClientSession:
    """A session that is closed by whoever uses it; `at_once`: connections, 0 for as many as are needed."""
    return aiohttp.ClientSession(connector=SafeConnector(limit=at_once), **options)


async def until_reached(
    send: Callable[[], Awaitable[T]], *, unreachable: type[Exception], wait_s: float, pause_s: float = RETRY_PAUSE_S
) -> T:
    """Send again while it raises `unreachable`, for at most `wait_s`: the supervisor has a killed process back soon.

    `send` must be safe to repeat.
    """
    clock = asyncio.get_running_loop().time
    give_up_at_s = clock() + wait_s
    while True:
        try:
            return await send()
        except unreachable:
            if clock() > give_up_at_s:
                raise
            await asyncio.sleep(pause_s)


def _close(connecting: asyncio.Task[ResponseHandler]) -> None:
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().close()
