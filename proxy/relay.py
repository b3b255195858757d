"""An event stream on its way from the provider to the client: passed on chunk by chunk, read as it goes by."""

from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import orjson
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from proxy.ledger import Entry, Ledger
from proxy.reading import StreamReader


def broke_off(error: Exception) -> str:
    """The provider's fault, in the words for the client and for the ledger."""
    return f"the provider's answer broke off: {type(error).__name__}"


class Relay(StreamingResponse):
    """The response; completes the call's row whatever ends it."""

    def __init__(
        self, upstream: aiohttp.ClientResponse, *, entry: Entry, ledger: Ledger, headers: dict[str, str]
    ) -> None:
        super().__init__(self._pieces(), upstream.status, headers)
        self._upstream = upstream
        self._entry = entry
        self._ledger = ledger
        self._reader = StreamReader(entry.outcome)
        self._ended = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ends here and not in the generator, which never begins when the client is gone already."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._upstream.close()
            self._reader.finish()
            if not self._ended:
                self._entry.outcome.cut_off()
            self._ledger.close(self._entry)

    async def _pieces(self) -> AsyncGenerator[bytes]:
        try:
            async for chunk in self._upstream.content.iter_any():
                self._reader.feed(chunk)
                yield chunk
        except (aiohttp.ClientError, TimeoutError) as error:
            self._entry.outcome.note(broke_off(error))
            yield _error_chunk(broke_off(error))
        self._ended = True


def _error_chunk(message: str) -> bytes:
    """OpenRouter's own shape for a failure in mid-stream, so that every client sees one."""
    error = {"code": 502, "message": message}
    chunk: dict[str, Any] = {"error": error, "choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]}
    return b"data: " + orjson.dumps(chunk) + b"\n\n"
