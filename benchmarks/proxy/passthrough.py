"""The least a proxy can cost: bare ASGI on uvicorn, one aiohttp request, bytes passed on. No keys, no rows, no looking.

Run by `doors.py`: `python -m benchmarks.proxy.passthrough PORT UPSTREAM_URL`.
"""

import sys
from typing import Any

import aiohttp
import uvicorn

Message = dict[str, Any]


class PassThrough:
    """Whatever is asked goes to one place."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """One POST, streamed back as it comes."""
        if scope["type"] != "http":
            return
        if scope["method"] != "POST":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body"})
            return
        body = await _read(receive)
        headers = {"Content-Type": "application/json"}
        async with self._upstream().post(self._url, data=body, headers=headers) as answer:
            kind = answer.headers["Content-Type"].encode()
            await send({"type": "http.response.start", "status": answer.status, "headers": [(b"content-type", kind)]})
            async for chunk in answer.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})

    def _upstream(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self._session


async def _read(receive: Any) -> bytes:
    message = await receive()
    body = message["body"]
    while message["more_body"]:
        message = await receive()
        body += message["body"]
    return body


if __name__ == "__main__":
    port, upstream_url = sys.argv[1:]
    app = PassThrough(f"{upstream_url}/chat/completions")
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False, lifespan="off")
