"""Server-sent events: a run's own numbers as ids, a comment every 15 s so that proxies keep the line open."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import psycopg
from starlette.responses import StreamingResponse

from agents.eventlog import StoredEvent
from pilothouse import log

logger = log.get_logger()

SILENCE_S = 15
PING = b": ping\n\n"
# For OpenAPI. Not as a route's response class: FastAPI would tell its refusals as event streams too.
ANSWER: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}


class EventStream(StreamingResponse):
    """An answer that goes on for as long as there is something to tell."""

    media_type = "text/event-stream"

    def __init__(self, batches: AsyncGenerator[Sequence[StoredEvent]]) -> None:
        """Never cached, never buffered by a proxy in between."""
        super().__init__(stream(batches), headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


async def stream(batches: AsyncGenerator[Sequence[StoredEvent]]) -> AsyncGenerator[bytes]:
    """Events as they come, as many at once as have come, and pings while it is silent."""
    try:
        async for batch in batches:
            yield b"".join(encode(event) for event in batch) or PING
    except psycopg.OperationalError as error:  # the answer has begun: its end, and `Last-Event-ID`, is all there is
        logger.warning("events.broken_off", reason=str(error).strip())


def encode(event: StoredEvent) -> bytes:
    """One event as it goes over the wire."""
    return f"id: {event.number}\nevent: {event.type}\ndata: {event.data}\n\n".encode()
