"""An event stream on its way from the provider to the client: passed on chunk by chunk, as far as it is whole."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

import aiohttp
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from proxy.calls import Entry
from proxy.leaving import cancelled_when_client_leaves
from proxy.ledger import Ledger
from proxy.reading import StreamReader

DRAIN_S = 2  # for the usage that follows a bad end: it says what was billed


def broke_off(error: Exception) -> str:
    """The provider's fault, in the words for the client and for the ledger."""
    return f"the provider's answer broke off: {type(error).__name__}"


class Relay(StreamingResponse):
    """The response; completes the call's row whatever ends it."""

    def __init__(
        self, upstream: aiohttp.ClientResponse, *, entry: Entry, ledger: Ledger, headers: dict[str, str], asked: bytes
    ) -> None:
        """`asked`: the request's body."""
        super().__init__(self._pieces(), upstream.status, headers)
        self._upstream = upstream
        self._entry = entry
        self._ledger = ledger
        self._reader = StreamReader(entry.outcome, asked)
        self._ended = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 -- Starlette passes it
        """Ends here and not in the generator, which never begins when the client is gone already."""
        try:
            with suppress(asyncio.CancelledError), cancelled_when_client_leaves(receive):
                await self.stream_response(send)
        finally:
            self._upstream.close()
            if not self._ended:
                self._entry.outcome.cut_off()
            self._ledger.close(self._entry)

    async def _pieces(self) -> AsyncGenerator[bytes]:
        rest = b""
        try:
            async for chunk in self._upstream.content.iter_any():
                if passed := self._reader.feed(chunk):
                    yield passed
                if self._reader.broken is not None:
                    break
            else:
                rest = self._reader.finish()
        except (aiohttp.ClientError, TimeoutError) as error:
            rest = self._reader.break_off(broke_off(error))
        if rest:
            yield rest
        if self._reader.broken is not None:
            if self._reader.broken.over:
                await self._drain()
            yield self._reader.broken.chunk()
        self._ended = True

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(DRAIN_S):
                async for chunk in self._upstream.content.iter_any():
                    self._reader.feed(chunk)
                self._reader.finish()
        except (aiohttp.ClientError, TimeoutError):
            return
