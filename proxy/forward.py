"""Passes a call to the provider and its answer back, chunk by chunk, with one ledger row around it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import aiohttp
import orjson
from starlette.responses import Response, StreamingResponse

from pilothouse import log
from pilothouse.errors import TimedOutError, UnavailableError, UpstreamError
from proxy.ledger import Entry, Ledger, ModelCall
from proxy.reading import StreamReader, read_answer

PASSED_BACK = ("Content-Type", "X-Generation-Id", "Retry-After")
UNREACHABLE_HINT = "check the network, and LLM_BASE_URL if you set it; then ask again"
TIMEOUT = aiohttp.ClientTimeout(total=600, sock_connect=10, sock_read=120)
CLIENT_LEFT = "the client left before the answer was complete"

logger = log.get_logger()


class Forwarder:
    """The way to one provider."""

    def __init__(self, *, session: aiohttp.ClientSession, ledger: Ledger, url: str, key: str) -> None:
        """`url` ends before `/chat/completions`; `key` never leaves this object."""
        self._session = session
        self._ledger = ledger
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    async def post(self, call: ModelCall, body: bytes) -> Response:
        """Record, forward, pass back. A streamed answer starts as soon as the provider's does."""
        entry = await self._ledger.open(call)
        try:
            upstream = await self._request("POST", call.route, body)
        except (UnavailableError, TimedOutError, UpstreamError) as error:
            entry.outcome.error = error.message
            await self._ledger.close(entry)
            raise
        except asyncio.CancelledError:
            entry.outcome.error = CLIENT_LEFT
            await asyncio.shield(self._close_late(entry))
            raise
        headers = _passed_back(upstream.headers) | {"X-Pilothouse-Ledger": str(entry.id)}
        if upstream.content_type == "text/event-stream":
            return StreamingResponse(self._stream(upstream, entry), upstream.status, headers)
        return await self._whole(upstream, entry, headers)

    async def get(self, route: str) -> Response:
        """Free, read-only routes: no ledger row."""
        async with await self._request("GET", route, None) as upstream:
            return Response(await upstream.read(), upstream.status, _passed_back(upstream.headers))

    async def _whole(self, upstream: aiohttp.ClientResponse, entry: Entry, headers: dict[str, str]) -> Response:
        try:
            async with upstream:
                raw = await upstream.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            entry.outcome.error = f"the provider's answer broke off: {type(error).__name__}"
            raise UpstreamError(entry.outcome.error, hint="try again") from error
        else:
            read_answer(raw, entry.outcome)
            return Response(raw, upstream.status, headers)
        finally:
            await self._ledger.close(entry)

    async def _stream(self, upstream: aiohttp.ClientResponse, entry: Entry) -> AsyncGenerator[bytes]:
        reader = StreamReader(entry.outcome)
        finished = False
        try:
            async with upstream:
                async for chunk in upstream.content.iter_any():
                    reader.feed(chunk)
                    yield chunk
            finished = True
        except (aiohttp.ClientError, TimeoutError) as error:
            entry.outcome.error = f"the provider's answer broke off: {type(error).__name__}"
            yield _error_chunk(entry.outcome.error)
            finished = True
        finally:
            if not finished:
                entry.outcome.error = CLIENT_LEFT
            await asyncio.shield(self._close_late(entry))

    async def _close_late(self, entry: Entry) -> None:
        """The client has what it gets, so a ledger that went away can only be reported; the row stays open."""
        try:
            await self._ledger.close(entry)
        except UnavailableError as error:
            logger.warning("ledger.unsettled", ledger_id=str(entry.id), reason=error.message)

    async def _request(self, method: str, route: str, body: bytes | None) -> aiohttp.ClientResponse:
        try:
            return await self._session.request(
                method, self._url + route, data=body, headers=self._headers, timeout=TIMEOUT, allow_redirects=False
            )
        except aiohttp.ClientConnectorError as error:
            raise UnavailableError("the model provider cannot be reached", hint=UNREACHABLE_HINT) from error
        except TimeoutError as error:
            raise TimedOutError("the model provider did not answer in time", hint="try again") from error
        except aiohttp.ClientError as error:
            raise UpstreamError(f"the model provider failed: {type(error).__name__}", hint="try again") from error


def _passed_back(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in PASSED_BACK if name in headers}


def _error_chunk(message: str) -> bytes:
    """OpenRouter's own shape for a failure in mid-stream, so that every client sees one."""
    error = {"code": 502, "message": message}
    chunk: dict[str, Any] = {"error": error, "choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]}
    return b"data: " + orjson.dumps(chunk) + b"\n\n"
