"""Server-sent events: increasing ids, a comment every 15 s so that proxies keep the line open."""

import asyncio
from collections.abc import AsyncGenerator

from agents.events import Event

PING_S = 15
PING = b": ping\n\n"


def encode(event: Event, number: int) -> bytes:
    """One event as it goes over the wire."""
    data = event.model_dump_json(exclude={"type"})
    return f"id: {number}\nevent: {event.type}\ndata: {data}\n\n".encode()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] -- every event has its type


async def stream(events: AsyncGenerator[Event]) -> AsyncGenerator[bytes]:
    """All events of a run, and pings while it is silent."""
    number = 0
    upcoming = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            done, _ = await asyncio.wait([upcoming], timeout=PING_S)
            if not done:
                yield PING
                continue
            event = upcoming.result()
            if event is None:
                return
            number += 1
            yield encode(event, number)
            upcoming = asyncio.ensure_future(anext(events, None))
    finally:
        upcoming.cancel()
