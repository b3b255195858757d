"""Put an answer on the wire, well-behaved or broken in the way its `ending` says."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from starlette.types import Receive, Scope, Send

from simulators.openrouter.billing import Billing
from simulators.openrouter.generation import MID_STREAM_ERROR, Generation
from simulators.openrouter.reply import Reply, deltas

KEEP_ALIVE = b": OPENROUTER PROCESSING\n\n"
KEEP_ALIVE_EVERY_S = 0.5
DONE = b"data: [DONE]\n\n"
GARBAGE = b'data: {"id":"gen-garbage","choices":[{"index":0,"delta":{"content":"half a chu\n\n'

Gone = Callable[[float], Awaitable[bool]]


async def client_left(receive: Receive, within_s: float) -> bool:
    """Wait that long for the client to go away."""
    try:
        async with asyncio.timeout(within_s):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


class Answer:
    """An ASGI response of byte pieces that may break off: then the connection closes without a proper end."""

    def __init__(
        self, pieces: Callable[[Gone], AsyncGenerator[bytes, None]], *, headers: dict[str, str], breaks: bool
    ) -> None:
        self._pieces = pieces
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self._breaks = breaks

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces; a server that sees no last piece cuts the connection."""
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        async with aclosing(self._pieces(lambda within_s: client_left(receive, within_s))) as pieces:
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        if not self._breaks:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def streamed(generation: Generation, reply: Reply, billing: Billing) -> Answer:
    """The answer as server-sent events."""

    async def pieces(gone: Gone) -> AsyncGenerator[bytes, None]:
        settled = False
        try:
            async for piece in _content(generation, reply, gone):
                yield piece
            settled = True
            _settle(generation, billing)
            for piece in _end(generation, reply):
                yield piece
        finally:
            if not settled:
                _settle(generation, billing)

    headers = {
        "Content-Type": "text/event-stream",
        "Cache-Control": "no-cache",
        "X-Generation-Id": generation.id,
    }
    return Answer(pieces, headers=headers, breaks=reply.ending == "dropped")


async def _content(generation: Generation, reply: Reply, gone: Gone) -> AsyncGenerator[bytes, None]:
    generation.cancelled = True  # until we came to the end
    yield KEEP_ALIVE
    for _ in range(round(reply.comments_for_s / KEEP_ALIVE_EVERY_S)):
        if await gone(KEEP_ALIVE_EVERY_S):
            return
        yield KEEP_ALIVE
    for delta, piece in deltas(reply):
        if reply.pause_s and await gone(reply.pause_s):
            return
        generation.produced += piece
        yield generation.chunk(delta)
    generation.cancelled = False
    generation.finish_reason = "error" if reply.ending == "error" else reply.finish


def _settle(generation: Generation, billing: Billing) -> None:
    if generation.produced:
        billing.add(generation.bill())


def _end(generation: Generation, reply: Reply) -> list[bytes]:
    """The last events. OpenRouter repeats the finish_reason on the usage chunk, unlike OpenAI."""
    nothing = {"role": "assistant", "content": ""}
    match reply.ending:
        case "unfinished" | "dropped":
            return []
        case "garbage":
            return [GARBAGE]
        case "error":
            return [generation.chunk({"content": ""}, "error", error=MID_STREAM_ERROR)]
        case "clean":
            finish = reply.finish
            return [
                generation.chunk(nothing, finish),
                generation.chunk(nothing, finish, usage=generation.usage()),
                DONE,
            ]


def whole(generation: Generation, reply: Reply, billing: Billing) -> Answer:
    """The answer as one JSON body; a broken one promises more than it sends."""
    generation.produced = reply.produced
    generation.finish_reason = "error" if reply.ending == "error" else reply.finish
    billing.add(generation.bill())
    body = generation.body(reply)
    sent = body[: len(body) // 2] if reply.ending in {"dropped", "garbage"} else body

    async def pieces(_: Gone) -> AsyncGenerator[bytes, None]:
        yield sent

    length = len(body) if reply.ending == "dropped" else len(sent)
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(length),
        "X-Generation-Id": generation.id,
    }
    return Answer(pieces, headers=headers, breaks=reply.ending == "dropped")
