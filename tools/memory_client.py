"""Memory as a client of its process sees it: found, kept, changed and forgotten over HTTP, for one user at a time."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import aiohttp
import orjson
from pydantic import AwareDatetime, BaseModel, Field

from pilothouse import log
from pilothouse.errors import (
    BadInputError,
    ConflictError,
    NotFoundError,
    PilothouseError,
    TimedOutError,
    TooLargeError,
    UnavailableError,
    UpstreamError,
)
from tools.memory_answers import Forgotten, Imported, MemoryEvent, Reembedding

SEARCH_DEADLINE_S = 1.0  # memory itself gives up at 0.8 s
WRITE_DEADLINE_S = 10.0
FORGET_DEADLINE_S = 60.0  # the store is written anew without the words
STATS_DEADLINE_S = 60.0  # every memory is looked at
IMPORT_DEADLINE_S = 60.0  # up to 500 vectors are made
EXPORT_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=30)
HINT = "bin/pilothouse status, bin/pilothouse logs memory"
ERRORS: dict[int, type[PilothouseError]] = {
    404: NotFoundError,
    409: ConflictError,
    413: TooLargeError,
    422: BadInputError,
    503: UnavailableError,
}

Kind = Literal["note", "fact", "decision", "backtest", "outcome"]
State = Literal["served", "quarantined", "superseded"]


class Source(BaseModel):
    """Where a memory comes from. `name`: which tool, hook or file."""

    kind: str = Field(default="tool", description="person, tool, turn, hook, import or journal")
    name: str = ""
    run_id: UUID | None = None
    thread_id: UUID | None = None
    turn_id: UUID | None = None


class Subject(BaseModel):
    """What a trading memory is about, with its figures."""

    strategy: str | None = Field(default=None, max_length=100, examples=["Trend"])
    pair: str | None = Field(default=None, max_length=40, examples=["ETH/USDT"])
    timeframe: str | None = Field(default=None, max_length=10, examples=["5m"])
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    figures: dict[str, Decimal] = Field(default_factory=dict[str, Decimal], max_length=40)
    links: list[str] = Field(default_factory=list[str], max_length=20)


class Memory(BaseModel):
    """One thing remembered, and where it comes from."""

    id: str
    text: str
    created_at: datetime
    updated_at: datetime | None = None
    score: float = 0.0
    source: Source = Field(default_factory=Source)
    tainted: bool = Field(default=False, description="it comes from a conversation that held text which others wrote")
    kind: Kind = "note"
    state: State = "served"
    trust: str = Field(default="agent", description="whose words they are: person, agent or untrusted")
    expires_at: datetime | None = None
    superseded_by: str | None = None
    subject: Subject | None = None


@dataclass(frozen=True)
class MemoryClient:
    """Speaks to the memory process."""

    session: aiohttp.ClientSession
    url: str
    key: str

    async def search(self, *, user_id: str, query: str, limit: int = 8) -> Sequence[Memory]:
        """What is remembered about the query; nothing, and soon, when memory is down or slow."""
        try:
            return await self.find(user_id=user_id, query=query, limit=limit)
        except PilothouseError as error:
            log.get_logger().warning("memory.not_searched", reason=error.message)
            return []

    async def find(self, *, user_id: str, query: str, limit: int = 8, **only: Any) -> Sequence[Memory]:
        """As `search`, but an error when it could not be looked up: "nothing found" would be untrue then.

        `only`: kind, strategy, pair, since, until; what is None does not matter.
        """
        body = {"user": user_id, "query": query, "limit": limit, **only}
        answer = await self._post("/search", body, deadline_s=SEARCH_DEADLINE_S)
        if answer["degraded"]:
            raise UnavailableError("memory could not be searched in time", hint=HINT)
        return [Memory(**each) for each in answer["memories"]]

    async def save(
        self, *, user_id: str, text: str, key: str, tainted: bool, source: Mapping[str, Any], **more: Any
    ) -> Mapping[str, Any]:
        """Keep a text; repeated with the same key it is kept once. `more`: kind, expires_at, subject."""
        body = {"user": user_id, "text": text, "key": key, "tainted": tainted, "source": source, **more}
        return await self._post("/memories", body, deadline_s=WRITE_DEADLINE_S)

    async def page(self, *, user_id: str, **asked: Any) -> tuple[Sequence[Memory], str | None]:
        """A page of memories, newest first, and what to ask for as `after`. `asked`: state, kind, pair, limit, ..."""
        answer = await self._post("/memories/list", {"user": user_id, **asked}, deadline_s=WRITE_DEADLINE_S)
        return [Memory(**each) for each in answer["memories"]], answer["next"]

    async def admit(self, *, user_id: str, memory_id: str) -> Memory:
        """Let a quarantined memory be told to models. A person's decision: no tool may call this."""
        return Memory(**await self._post_one("/memories/admit", user_id, memory_id))

    async def get(self, *, user_id: str, memory_id: str) -> Memory:
        """One memory of this user's, whatever its state."""
        return Memory(**await self._post_one("/memories/get", user_id, memory_id))

    async def stats(self, *, user_id: str | None = None) -> Mapping[str, Any]:
        """What is kept, what the gate dropped, how much junk there is: of one user, or of all."""
        return await self._post("/stats", {"user": user_id}, deadline_s=STATS_DEADLINE_S)

    async def restore(self, *, user_id: str, memory_id: str) -> Memory:
        """Let a superseded memory be told again, beside the newer one. A person's decision too."""
        return Memory(**await self._post_one("/memories/restore", user_id, memory_id))

    async def history(self, *, user_id: str, memory_id: str) -> Sequence[MemoryEvent]:
        """What became of it, oldest first."""
        answer = await self._post_one("/memories/history", user_id, memory_id)
        return [MemoryEvent(**each) for each in answer["events"]]

    async def edit(self, *, user_id: str, memory_id: str, **change: Any) -> Memory:
        """Put a person's words in the place of what is kept. `change`: text, and expires_at where it changes."""
        body = {"user": user_id, "id": memory_id, **change}
        return Memory(**await self._post("/memories/edit", body, deadline_s=WRITE_DEADLINE_S))

    async def forget(self, *, user_id: str, **which: Any) -> Forgotten:
        """Erase memories for good; what is gone already does no harm. `which`: ids, or everything=True."""
        body = {"user": user_id, **which}
        return Forgotten(**await self._post("/memories/forget", body, deadline_s=FORGET_DEADLINE_S))

    async def export(self, *, user_id: str) -> AsyncGenerator[bytes]:
        """All of this user's memories as JSON lines, in pieces; an error when it breaks off."""
        body = _json({"user": user_id})
        try:
            async with self.session.post(
                f"{self.url}/memories/export", data=body, headers=self._headers(), timeout=EXPORT_TIMEOUT
            ) as response:
                if not response.ok:
                    _read(response.status, await response.read())
                async for piece in response.content.iter_any():
                    yield piece
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UnavailableError("memory broke off", hint=HINT) from error

    async def import_all(self, *, user_id: str, memories: Sequence[Mapping[str, Any]], key: str) -> Imported:
        """Keep what was exported; repeated with the same key nothing is kept twice."""
        body = {"user": user_id, "memories": memories, "key": key}
        return Imported(**await self._post("/memories/import", body, deadline_s=IMPORT_DEADLINE_S))

    async def reembed(self) -> Reembedding:
        """Begin to give memories of another embedder new vectors; asked again, how far that is. For all users."""
        return Reembedding(**await self._post("/reembed", {}, deadline_s=WRITE_DEADLINE_S))

    async def queue_turn(
        self,
        *,
        user_id: str,
        key: str,
        run_id: str,
        thread_id: str | None = None,
        messages: Sequence[Mapping[str, str]],
        recalled: Sequence[str] = (),
    ) -> None:
        """Hand a turn over to be remembered; repeated with the same key it is stored once.

        `recalled`: ids of the memories its model was shown, which it may have said again in its own words.
        """
        turn = {"run_id": run_id, "thread_id": thread_id, "messages": list(messages), "recalled": list(recalled)}
        body = {"user": user_id, "key": key, **turn}
        await self._post("/turns", body, deadline_s=WRITE_DEADLINE_S)

    async def _post_one(self, path: str, user_id: str, memory_id: str) -> dict[str, Any]:
        return await self._post(path, {"user": user_id, "id": memory_id}, deadline_s=WRITE_DEADLINE_S)

    async def _post(self, path: str, body: Mapping[str, Any], *, deadline_s: float) -> dict[str, Any]:
        try:
            async with (
                asyncio.timeout(deadline_s),
                self.session.post(self.url + path, data=_json(body), headers=self._headers()) as response,
            ):
                return _read(response.status, await response.read())
        except TimeoutError as error:
            raise TimedOutError(f"memory did not answer within {deadline_s:g} s", hint=HINT) from error
        except aiohttp.ClientError as error:
            raise UnavailableError("memory cannot be reached", hint=HINT) from error

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}


def _json(body: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError as error:
        raise BadInputError("the text is not valid Unicode", hint="send text without lone surrogates") from error


def _read(status: int, body: bytes) -> dict[str, Any]:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UpstreamError(f"memory answered {status} with something that is not JSON", hint=HINT) from error
    if status < 400:  # noqa: PLR2004 -- the HTTP statuses of success
        return answer
    said = answer.get("error", {})
    raise ERRORS.get(status, UpstreamError)(f"memory: {said.get('message', status)}", hint=said.get("hint", HINT))
