"""The least a turn can cost: a bare handler, two streamed HTTP calls, one insert. No graph, no keys, no checks.

Run by `candidates.py`: `python -m benchmarks.floor PORT UPSTREAM_URL UPSTREAM_KEY DATABASE_URL MODEL`.
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

from benchmarks.question import RESULT, TOOL_NAME
from pilothouse.db import Pool, make_pool

INSERT = "INSERT INTO public.benchmark_floor (id, message) VALUES (%(id)s, %(message)s)"
TOOL = {"type": "function", "function": {"name": TOOL_NAME, "parameters": {"type": "object"}}}
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": TOOL_NAME, "arguments": "{}"},
}
EXCHANGE = [
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": orjson.dumps(RESULT).decode()},
]


def create_app(*, upstream_url: str, upstream_key: str, database_url: str, model: str) -> Starlette:
    """The bare handler. Whatever is asked, it does as if the tool had been called and answered."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        async with (
            make_pool(database_url, size=20) as app.state.pool,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as app.state.session,
        ):
            yield

    async def turn(request: Request) -> StreamingResponse:
        question = {"role": "user", "content": orjson.loads(await request.body())["message"]}
        return StreamingResponse(answer(request.app.state, question), media_type="text/event-stream")

    async def answer(state: Any, question: dict[str, str]) -> AsyncGenerator[bytes]:
        session: aiohttp.ClientSession = state.session
        pool: Pool = state.pool
        headers = {"Authorization": f"Bearer {upstream_key}", "Content-Type": "application/json"}
        request = {"model": model, "stream": True, "tools": [TOOL]}
        first_body = orjson.dumps(request | {"messages": [question]})
        async with session.post(upstream_url, data=first_body, headers=headers) as first:
            await first.read()
        second_body = orjson.dumps(request | {"messages": [question, *EXCHANGE]})
        async with session.post(upstream_url, data=second_body, headers=headers) as second:
            async for chunk in second.content.iter_any():
                yield chunk
        async with pool.connection() as connection:
            await connection.execute(INSERT, {"id": uuid.uuid4(), "message": "measured"})

    return Starlette(routes=[Route("/turn", turn, methods=["POST"])], lifespan=lifespan)


if __name__ == "__main__":
    port, url, key, database, asked_model = sys.argv[1:]
    app = create_app(upstream_url=f"{url}/chat/completions", upstream_key=key, database_url=database, model=asked_model)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)
