"""Passes a call to the provider and its answer back, with one ledger row around all attempts at it."""

import asyncio
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus

import aiohttp
from starlette.responses import Response

from pilothouse.errors import PilothouseError, TimedOutError, UnavailableError, UpstreamError
from proxy.attempts import NEVER_REACHED, Attempts, Refusal, Stop
from proxy.calls import Entry
from proxy.ledger import Ledger
from proxy.reading import read_answer, read_head
from proxy.relay import Relay, broke_off
from proxy.whole import NotWholeError, find_break

PASSED_BACK = ("Content-Type", "X-Generation-Id", "Retry-After")
NO_RETRY = {"X-Should-Retry": "false"}  # OpenAI's clients obey it
READABLE = re.compile(r"[ -~]{1,1000}")
MAYBE_BILLED = "it may have been billed, so that asking again may cost again"
UNREACHABLE_HINT = "check the network, and LLM_BASE_URL if you set it; then ask again"
TIMEOUT = aiohttp.ClientTimeout(total=600, sock_connect=10, sock_read=120)
UNREACHABLE = (
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
)


class Forwarder:
    """The way to one provider."""

    def __init__(
        self, *, session: aiohttp.ClientSession, ledger: Ledger, attempts: Attempts, url: str, key: str
    ) -> None:
        """`url` ends before `/chat/completions`; `key` never leaves this object."""
        self._session = session
        self._ledger = ledger
        self._attempts = attempts
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    @property
    def stopped(self) -> Stop | None:
        """Why the provider lets nobody call, as long as it does not."""
        return self._attempts.stopped

    async def post(self, entry: Entry, bodies: Sequence[bytes]) -> Response:
        """Forward a recorded call, pass back. A streamed answer starts as soon as the provider's does.

        `bodies`: the request, then the same for each model that may answer instead.
        """
        try:
            with self._recording_failure(entry):
                upstream = await self._attempts.make(bodies, lambda body: self._attempt(entry, body))
                if isinstance(upstream, Refusal):
                    return self._refuse(entry, upstream)
                if upstream.content_type == "text/event-stream":
                    headers = _passed_back(upstream.headers) | _served_by(entry)
                    return Relay(upstream, entry=entry, ledger=self._ledger, headers=headers, asked=bodies[0])
                raw = await _read_paid(upstream)
        except NotWholeError as error:
            return error.answer(_served_by(entry))
        read_answer(raw, entry.outcome)
        broken = find_break(raw, route=entry.call.route, asked=bodies[0])
        if broken is not None:
            entry.outcome.note(broken.kept)
        self._ledger.close(entry)
        headers = _passed_back(upstream.headers) | _served_by(entry)
        headers |= {"X-Pilothouse-Latency-Ms": str(entry.latency_ms)}
        return Response(raw, upstream.status, headers) if broken is None else broken.answer(headers)

    async def get(self, route: str) -> Response:
        """Free, read-only routes: no ledger row."""
        upstream = await self._request("GET", route, None)
        return Response(await _read(upstream), upstream.status, _passed_back(upstream.headers))

    async def _attempt(self, entry: Entry, body: bytes) -> aiohttp.ClientResponse | Refusal:
        """Ask once. Until the provider refuses, the call may have been billed, and is not made again."""
        entry.outcome.attempts += 1
        entry.outcome.may_be_billed = True
        entry.outcome.generation_id = None  # the record of an attempt that was refused says nothing of this one
        try:
            upstream = await self._request("POST", entry.call.route, body)
        except UnavailableError:
            entry.outcome.may_be_billed = False
            return NEVER_REACHED
        except (TimedOutError, UpstreamError) as error:
            raise NotWholeError(error.message, reason="unanswered", hint=MAYBE_BILLED) from error
        read_head(upstream.headers, entry.outcome)
        if upstream.status < HTTPStatus.MULTIPLE_CHOICES:
            self._ledger.note_generation(entry)
            return upstream
        entry.outcome.may_be_billed = upstream.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        refusal = Refusal(upstream.status, upstream.headers, await _read_paid(upstream))
        entry.outcome.may_be_billed = refusal.may_be_billed
        return refusal

    def _refuse(self, entry: Entry, refusal: Refusal) -> Response:
        if refusal is NEVER_REACHED:
            raise UnavailableError("the model provider cannot be reached", hint=UNREACHABLE_HINT)
        read_answer(refusal.raw, entry.outcome)
        entry.outcome.error = f"HTTP {refusal.status}: {entry.outcome.error or 'no reason given'}"
        self._ledger.close(entry)
        headers = _passed_back(refusal.headers) | _served_by(entry) | NO_RETRY
        if refusal.may_be_billed:
            message = f"HTTP {refusal.status} came from a gateway, and not from the provider behind it"
            return NotWholeError(message, reason="gateway", hint=MAYBE_BILLED).answer(headers)
        return Response(refusal.raw, refusal.status, headers)

    async def fetch(self, route: str) -> bytes:
        """What the provider answers, for ourselves; of a refusal too, as it is JSON that lacks what is looked for."""
        upstream = await self._request("GET", route, None)
        raw = await _read(upstream)
        if upstream.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise UnavailableError(f"the model provider failed: HTTP {upstream.status}", hint="try again")
        return raw

    @contextmanager
    def _recording_failure(self, entry: Entry) -> Generator[None]:
        """Complete the row of a call that gets no answer."""
        try:
            yield
        except PilothouseError as error:
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
        except UNREACHABLE as error:
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


async def _read_paid(upstream: aiohttp.ClientResponse) -> bytes:
    try:
        return await _read(upstream)
    except UpstreamError as error:
        raise NotWholeError(error.message, reason="broke_off") from error


def _passed_back(headers: Mapping[str, str]) -> dict[str, str]:
    return _readable({name: headers.get(name, "") for name in PASSED_BACK})


def _served_by(entry: Entry) -> dict[str, str]:
    """What is known by now: of a stream, nothing yet of who serves it at what cost."""
    outcome = entry.outcome
    known = {"Served-Model": outcome.served_model, "Provider": outcome.provider, "Cost-Usd": outcome.cost_usd}
    told = {"Ledger": entry.id, "Asked-Model": entry.call.asked_model, "Attempts": outcome.attempts, **known}
    return _readable({f"X-Pilothouse-{name}": str(value) for name, value in told.items() if value is not None})


def _readable(headers: Mapping[str, str]) -> dict[str, str]:
    """Without values no client could read: a header must not cost it the answer."""
    return {name: value for name, value in headers.items() if READABLE.fullmatch(value)}
