"""Server-sent events: increasing ids, a comment every 15 s so that proxies keep the line open."""

from collections.abc import AsyncGenerator

from agents.events import Event
from agents.live import LiveRun

PING_S = 15
PING = b": ping\n\n"


async def stream(live: LiveRun) -> AsyncGenerator[bytes]:
    """All events of a run, as many at once as have come, and pings while it is silent."""
    number = 0
    async for batch in live.batches(silence_s=PING_S):
        yield b"".join(encode(event, number + place) for place, event in enumerate(batch, 1)) or PING
        number += len(batch)


def encode(event: Event, number: int) -> bytes:
    """One event as it goes over the wire."""
    data = event.model_dump_json(exclude={"type"})
    return f"id: {number}\nevent: {event.type}\ndata: {data}\n\n".encode()
