"""Requests that are cancelled while they connect leave every other connection alone."""

import asyncio
import gc
import os
import socket

import uvloop

from pilothouse.outgoing import make_session

REQUESTS = 300


def test_a_cancelled_request_closes_nothing_that_is_not_its_own() -> None:
    assert uvloop.run(count_broken()) == 0


async def count_broken() -> int:
    """Sockets opened after each cancelled request, which somebody else closed."""
    pairs: list[tuple[socket.socket, socket.socket]] = []
    async with await asyncio.start_server(answer, "127.0.0.1") as server, make_session() as session:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for number in range(REQUESTS):
            asking = asyncio.create_task(session.get(url))
            for _ in range(number % 12):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait([asking])
            pairs.append(socket.socketpair())
        asking = None
    gc.collect()
    return sum(is_broken(one, other) for one, other in pairs)


async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Never; the client has left."""
    writer.close()


def is_broken(one: socket.socket, other: socket.socket) -> bool:
    """Whether something sent into one end does not come out of the other."""
    try:
        with one, other:
            os.write(one.fileno(), b"?")
            other.setblocking(False)
            return os.read(other.fileno(), 1) != b"?"
    except OSError:
        return True
