"""The provider: bare HTTP on a socket, everything encoded beforehand, so that it is not what is measured.

Run by `doors.py`: `python -m benchmarks.proxy.answerer PORT`.
"""

import asyncio
import itertools
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import cast

import orjson
import uvloop

from benchmarks.proxy.answer import ID, MODEL_LIST, PACED, PAUSE_S, chunks, whole

HOST = "127.0.0.1"
HEAD = b"HTTP/1.1 200 OK\r\nX-Generation-Id: " + ID.encode() + b"\r\n"
STREAMED = HEAD + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
LAST = b"0\r\n\r\n"


def _json(body: bytes) -> bytes:
    return HEAD + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _framed(chunk: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(chunk), chunk)


MODELS = _json(MODEL_LIST)
WHOLE = _json(whole())
PIECES = [STREAMED, *map(_framed, chunks()), LAST]


class Connection(asyncio.Protocol):
    """One client, which asks one thing after the other."""

    numbers = itertools.count()  # every answer is a generation of its own

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The way back."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer when a request has come whole."""
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if found and len(rest) >= (length := _content_length(head)):
            self._received = rest[length:]
            self._answer(head, rest[:length])

    def _answer(self, head: bytes, body: bytes) -> None:
        route = head.partition(b" HTTP/")[0]
        if route.endswith(b"/models"):
            self._transport.write(MODELS)
        elif not route.endswith(b"/chat/completions"):
            self._transport.write(NOT_FOUND)
        else:
            self._complete(orjson.loads(body))

    def _complete(self, request: dict[str, object]) -> None:
        own_id = b"gen-%010d-benchmarked" % next(self.numbers)
        if not request.get("stream"):
            self._transport.write(WHOLE.replace(ID.encode(), own_id))
            return
        pieces = (piece.replace(ID.encode(), own_id) for piece in PIECES)
        self._send(pieces, PAUSE_S if request["model"] == PACED else 0)

    def _send(self, pieces: Iterator[bytes], pause_s: float) -> None:
        """Piece by piece: what is written in one round of the loop would go as one."""
        if (piece := next(pieces, None)) is not None:
            self._transport.write(piece)
            self._loop.call_later(pause_s, self._send, pieces, pause_s)


def _content_length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)


async def main(port: int) -> None:
    """Until stopped."""
    server = await asyncio.get_running_loop().create_server(Connection, HOST, port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        uvloop.run(main(int(sys.argv[1])))
