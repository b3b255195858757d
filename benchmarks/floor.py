"""The least a turn can cost: a bare handler, two streamed HTTP calls, one insert. No graph, no keys, no checks.

Run by `benchmarks/turn.py`: `python -m benchmarks.floor PORT UPSTREAM_URL UPSTREAM_KEY DATABASE_URL`.
"""

import sys
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from pilothouse.db import Pool, make_pool

INSERT = "INSERT INTO public.benchmark_floor (id, message) VALUES (%(id)s, %(message)s)"


def create_app(*, upstream_url: str, upstream_key: str, database_url: str) -> Starlette:
    """The bare handler."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        async with (
            make_pool(database_url, size=20) as app.state.pool,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as app.state.session,
        ):
            yield

    async def turn(request: Request) -> StreamingResponse:
        body = orjson.dumps(
            {
                "model": "pilothouse/rehearsal",
                "stream": True,
                "messages": [{"role": "user", "content": orjson.loads(await request.body())["message"]}],
            }
        )
        return StreamingResponse(answer(request.app.state, body), media_type="text/event-stream")

    async def answer(state: Any, body: bytes) -> AsyncGenerator[bytes]:
        session: aiohttp.ClientSession = state.session
        pool: Pool = state.pool
        headers = {"Authorization": f"Bearer {upstream_key}", "Content-Type": "application/json"}
        async with session.post(upstream_url, data=body, headers=headers) as first:
            await first.read()
        async with session.post(upstream_url, data=body, headers=headers) as second:
            async for chunk in second.content.iter_any():
                yield chunk
        async with pool.connection() as connection:
            await connection.execute(INSERT, {"id": uuid.uuid4(), "message": "measured"})

    return Starlette(routes=[Route("/turn", turn, methods=["POST"])], lifespan=lifespan)


if __name__ == "__main__":
    port, url, key, database = sys.argv[1:]
    app = create_app(upstream_url=f"{url}/chat/completions", upstream_key=key, database_url=database)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)
