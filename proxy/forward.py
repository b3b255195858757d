"""Passes a call to the provider and its answer back, with one ledger row around it."""

import asyncio
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

import aiohttp
from starlette.responses import Response

from pilothouse.errors import PilothouseError, TimedOutError, UnavailableError, UpstreamError
from proxy.ledger import Entry, Ledger, Outcome
from proxy.reading import read_answer, read_head
from proxy.relay import Relay, broke_off

PASSED_BACK = ("Content-Type", "X-Generation-Id", "Retry-After")
MAX_HEADER_CHARACTERS = 1_000
UNREACHABLE_HINT = "check the network, and LLM_BASE_URL if you set it; then ask again"
TIMEOUT = aiohttp.ClientTimeout(total=600, sock_connect=10, sock_read=120)
NEVER_REACHED = (
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
)


class Forwarder:
    """The way to one provider."""

    def __init__(self, *, session: aiohttp.ClientSession, ledger: Ledger, url: str, key: str) -> None:
        """`url` ends before `/chat/completions`; `key` never leaves this object."""
        self._session = session
        self._ledger = ledger
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    async def post(self, entry: Entry, body: bytes) -> Response:
        """Forward a recorded call, pass back. A streamed answer starts as soon as the provider's does."""
        with self._recording_failure(entry):
            upstream = await self._request("POST", entry.call.route, body)
            entry.outcome.may_be_billed = not _refuses(upstream)
            read_head(upstream.headers, entry.outcome)
            headers = _passed_back(upstream.headers) | {"X-Pilothouse-Ledger": str(entry.id)}
            if upstream.content_type == "text/event-stream":
                return Relay(upstream, entry=entry, ledger=self._ledger, headers=headers)
            raw = await _read(upstream)
        _read_whole(raw, upstream.status, entry.outcome)
        self._ledger.close(entry)
        return Response(raw, upstream.status, headers)

    async def get(self, route: str) -> Response:
        """Free, read-only routes: no ledger row."""
        upstream = await self._request("GET", route, None)
        return Response(await _read(upstream), upstream.status, _passed_back(upstream.headers))

    @contextmanager
    def _recording_failure(self, entry: Entry) -> Generator[None]:
        """Complete the row of a call that gets no answer."""
        entry.outcome.may_be_billed = True
        try:
            yield
        except PilothouseError as error:
            entry.outcome.may_be_billed &= not isinstance(error, UnavailableError)  # it was never reached
            entry.outcome.note(error.message)
            self._ledger.close(entry)
            raise
        except asyncio.CancelledError:
            entry.outcome.cut_off()
            self._ledger.close(entry)
            raise

    async def _request(self, method: str, route: str, body: bytes | None) -> aiohttp.ClientResponse:
        try:
            return await self._session.request(
                method, self._url + route, data=body, headers=self._headers, timeout=TIMEOUT, allow_redirects=False
            )
        except NEVER_REACHED as error:
            raise UnavailableError("the model provider cannot be reached", hint=UNREACHABLE_HINT) from error
        except TimeoutError as error:
            raise TimedOutError("the model provider did not answer in time", hint="try again") from error
        except aiohttp.ClientError as error:
            raise UpstreamError(f"the model provider failed: {type(error).__name__}", hint="try again") from error


async def _read(upstream: aiohttp.ClientResponse) -> bytes:
    try:
        async with upstream:
            return await upstream.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise UpstreamError(broke_off(error), hint="try again") from error


def _refuses(upstream: aiohttp.ClientResponse) -> bool:
    """Nothing is billed then. A gateway's own page is no refusal: the provider may have worked on behind it."""
    if upstream.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return upstream.content_type == "application/json"
    return upstream.status >= HTTPStatus.MULTIPLE_CHOICES


def _read_whole(raw: bytes, status: int, outcome: Outcome) -> None:
    read_answer(raw, outcome)
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        outcome.error = f"HTTP {status}: {outcome.error or 'no reason given'}"


def _passed_back(headers: Mapping[str, str]) -> dict[str, str]:
    """Without values no client could read: a header must not cost it the answer."""
    given = {name: headers.get(name, "") for name in PASSED_BACK}
    return {name: value for name, value in given.items() if value.isascii() and 0 < len(value) <= MAX_HEADER_CHARACTERS}
