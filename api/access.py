"""Who calls, and what their key allows. Keys are stored as hashes; an expired or revoked one is unknown."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Request
from psycopg.rows import class_row

from pilothouse.clock import Clock
from pilothouse.db import Pool
from pilothouse.errors import ForbiddenError, UnauthorizedError
from pilothouse.keys import bearer, hash_key

Scope = Literal[
    "chat",
    "threads:read",
    "trading:read",
    "health:read",
    "spend:read",
    "memory:read",
    "memory:write",
    "schedules:write",
    "hooks:write",
    "money:decide",
]
HINTS: dict[Scope, str] = {
    "memory:write": "only a key made for a person may change what is remembered: bin/pilothouse memory uses yours",
    "schedules:write": "only a key made for a person may make or change schedules: bin/pilothouse schedule uses yours",
    "hooks:write": "only a key made for a person may open doors for programs: bin/pilothouse hooks uses yours",
    "money:decide": "only a key made for a person may come near decisions: bin/pilothouse approvals uses yours",
}

WAIT_S = 3  # for a connection: every request comes by here, so it is told soon that the database is away

FIND_KEY = """
    SELECT id, user_id, scopes, expires_at, revoked_at
    FROM controller.api_keys
    WHERE hash = %(hash)s"""


@dataclass(frozen=True)
class Key:
    """A stored key."""

    id: UUID
    user_id: str
    scopes: list[str]
    expires_at: datetime | None
    revoked_at: datetime | None


class Access:
    """The table of keys."""

    def __init__(self, *, pool: Pool, secret: str, clock: Clock) -> None:
        """`secret` is what keys were hashed with."""
        self._pool = pool
        self._secret = secret
        self._clock = clock

    async def identify(self, authorization: str | None) -> Key:
        """The key behind an Authorization header; 401 when it opens nothing."""
        digest = hash_key(bearer(authorization), secret=self._secret)
        async with (
            self._pool.connection(WAIT_S) as connection,
            connection.cursor(row_factory=class_row(Key)) as cursor,
        ):
            await cursor.execute(FIND_KEY, {"hash": digest})
            key = await cursor.fetchone()
        if key is None or key.revoked_at or (key.expires_at and key.expires_at <= self._clock()):
            raise UnauthorizedError(
                "this key opens nothing here", hint="bin/pilothouse up --detach shows the address with your key"
            )
        return key


def needs(scope: Scope) -> Callable[[Request], Coroutine[Any, Any, Key]]:
    """A dependency: the caller's key, when it has this scope."""

    async def check(request: Request) -> Key:
        key = await request.app.state.access.identify(request.headers.get("authorization"))
        if scope not in key.scopes:
            raise ForbiddenError(f"this key lacks the scope '{scope}'", hint=HINTS.get(scope, "use a key that has it"))
        return key

    return check


Chatter = Annotated[Key, Depends(needs("chat"))]
Reader = Annotated[Key, Depends(needs("threads:read"))]
