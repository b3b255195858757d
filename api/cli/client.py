"""The API of a running stack, with its owner's key. A stream that breaks off is gone on with by itself."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast
from uuid import UUID, uuid4

import aiohttp
import orjson

from agents.events import ENDS
from pilothouse.errors import (
    BadInputError,
    ConflictError,
    NotFoundError,
    PilothouseError,
    TooLargeError,
    UnavailableError,
)
from pilothouse.outgoing import until_reached
from pilothouse.settings import StackSettings
from stack.home import find_home
from stack.lifecycle import StackInfo, find_running

TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=60)
MAX_LINE_BYTES = 1_000_000
PATIENCE_S = 30  # a killed controller is back within seconds
PAUSE_S = 0.2
MIN_ID_CHARS = 4
NEWEST = 200  # as many as one request lists
LISTS = {
    "no thread ": "bin/pilothouse threads list",
    "no run ": "bin/pilothouse runs list",
    "no schedule ": "bin/pilothouse schedule list",
    "no such memory": "bin/pilothouse memory list",
    "no hook ": "bin/pilothouse hooks list",
}
REFUSALS = {kind.status: kind for kind in (BadInputError, TooLargeError, ConflictError, UnavailableError)}

Kind = Literal["run", "thread"]
Fields = dict[str, Any]
T = TypeVar("T")


class BrokenOffError(UnavailableError):
    """The connection failed or broke; the same request may be sent again if repeating it is safe."""


@dataclass(frozen=True)
class Event:
    """One event of a run as it came over the wire."""

    number: int
    kind: str
    fields: Fields


class Client:
    """Speaks for the owner."""

    def __init__(self, session: aiohttp.ClientSession, *, process: str = "controller") -> None:
        """`session` knows the address of `process` and the key."""
        self._session = session
        self._process = process

    async def call(self, method: str, path: str, **sent: Any) -> Any:
        """One request, sent once; `sent` is aiohttp's `params`, `json` or `headers`."""
        try:
            async with self._session.request(method, path, **sent) as response:
                await _require_success(response, self._process)
                return orjson.loads(await response.read() or "null")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise BrokenOffError(f"the {self._process} does not answer", hint="bin/pilothouse status") from error

    async def pieces(self, path: str) -> AsyncGenerator[bytes]:
        """A long answer as it arrives; an error if it breaks off."""
        try:
            async with self._session.get(path) as response:
                await _require_success(response, self._process)
                async for piece in response.content.iter_any():
                    yield piece
        except (aiohttp.ClientError, TimeoutError) as error:
            raise BrokenOffError(f"the {self._process} broke off", hint="bin/pilothouse status") from error

    async def start(self, *, message: str, thread_id: str | None) -> Fields:
        """Start a run. However often it has to be sent: the key makes it one run."""
        body = {"message": message, **({"thread_id": thread_id} if thread_id else {})}
        headers = {"Idempotency-Key": str(uuid4())}
        return await _patiently(lambda: self.call("POST", "/api/runs", json=body, headers=headers))

    async def cancel(self, run_id: str) -> Fields:
        """Ask for a run's end; asking again does no harm."""
        return await _patiently(lambda: self.call("POST", f"/api/runs/{run_id}/cancel"))

    async def follow(
        self, run_id: str, *, after: int = 0, on_break: Callable[[], None] = lambda: None
    ) -> AsyncGenerator[Event]:
        """A run's events after number `after`, each once, to the run's end; `on_break` hears of a broken connection."""
        give_up_at_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                async for event in self._events(run_id, after):
                    after = event.number
                    yield event
                    if event.kind in ENDS:
                        return
                    give_up_at_s = time.monotonic() + PATIENCE_S
            except UnavailableError as error:
                if time.monotonic() > give_up_at_s:
                    hint = f"the run goes on: bin/pilothouse runs events {run_id} --after {after}"
                    raise UnavailableError("the connection to the controller broke off", hint=hint) from error
            on_break()
            await asyncio.sleep(PAUSE_S)

    async def find(self, kind: Kind, given: str) -> str:
        """The id that a person wrote or abbreviated; an abbreviation is looked for among the newest."""
        if (whole := _parse(given)) is not None:
            return whole
        if len(given) < MIN_ID_CHARS:
            raise BadInputError(f"'{given}' is too short for an id", hint=f"give {MIN_ID_CHARS} characters or more")
        listed: list[Fields] = await self.call("GET", f"/api/{kind}s", params={"limit": NEWEST})
        found = [str(each[f"{kind}_id"]) for each in listed if str(each[f"{kind}_id"]).startswith(given.lower())]
        if not found:
            hint = f"bin/pilothouse {kind}s list"
            raise NotFoundError(f"none of your newest {NEWEST} {kind}s begins with {given}", hint=hint)
        if len(found) > 1:
            raise BadInputError(f"{len(found)} {kind}s begin with {given}", hint=f"give more of it: {', '.join(found)}")
        return found[0]

    async def _events(self, run_id: str, after: int) -> AsyncGenerator[Event]:
        """One connection's worth."""
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        try:
            async with self._session.get(f"/api/runs/{run_id}/events", headers=headers) as response:
                await _require_success(response, self._process)
                async for event in _read_events(response):
                    yield event
        except (aiohttp.ClientError, TimeoutError) as error:
            raise BrokenOffError("the connection to the controller broke off") from error


@asynccontextmanager
async def connect(stack: StackInfo) -> AsyncGenerator[Client]:
    """A client for as long as the block lasts."""
    headers = {"Authorization": f"Bearer {stack.owner_key}"}
    async with aiohttp.ClientSession(
        stack.api_url, headers=headers, timeout=TIMEOUT, read_bufsize=MAX_LINE_BYTES
    ) as session:
        yield Client(session)


def with_stack(work: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
    """What `work` finds on the stack that is up. Looking at things starts nothing."""
    settings = StackSettings.load()
    stack = find_running(settings)
    if stack is None:
        home = find_home(settings).root
        raise UnavailableError(f"the stack in {home} is not running", hint="start it with bin/pilothouse up")
    info = stack

    async def run() -> T:
        async with connect(info) as client:
            return await work(client)

    return asyncio.run(run())


async def _patiently(send: Callable[[], Awaitable[T]]) -> T:
    """Send what is safe to repeat until it arrives."""
    try:
        return await until_reached(send, unreachable=BrokenOffError, wait_s=PATIENCE_S, pause_s=PAUSE_S)
    except BrokenOffError as error:
        raise UnavailableError(error.message, hint=error.hint) from error


async def _read_events(response: aiohttp.ClientResponse) -> AsyncGenerator[Event]:
    fields: dict[str, str] = {}
    async for raw in response.content:
        name, _, value = raw.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        elif "data" in fields:
            yield Event(int(fields["id"]), fields["event"], orjson.loads(fields["data"]))
            fields = {}


async def _require_success(response: aiohttp.ClientResponse, process: str) -> None:
    if response.ok:
        return
    error = _error(await response.read())
    message = error.get("message") or f"the {process} answered {response.status}"
    if response.status == NotFoundError.status:  # the API's hint names its routes and fields
        raise NotFoundError(message, hint=next((hint for what, hint in LISTS.items() if what in message), ""))
    raise REFUSALS.get(response.status, PilothouseError)(message, hint=error.get("hint") or "")


def _error(raw: bytes) -> Mapping[str, str]:
    try:
        body: Any = orjson.loads(raw)
    except orjson.JSONDecodeError:  # not ours: something in between answered
        return {}
    return cast("Fields", body).get("error", {}) if isinstance(body, dict) else {}


def _parse(given: str) -> str | None:
    try:
        return str(UUID(given))
    except ValueError:
        return None
