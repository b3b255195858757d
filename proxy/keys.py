"""Who may call: the keys in `proxy.keys`, found by their hash under the server's secret (no timing tells them apart).

A key that was looked up is remembered for half a second, so that revoking one works within a second.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from pilothouse.clock import now
from pilothouse.db import Pool
from pilothouse.errors import ForbiddenError, UnauthorizedError
from pilothouse.keys import bearer, hash_key

REMEMBERED_S = 0.5
POOL_WAIT_S = 5
# A key that replaces a revoked one counts again; the same one stays revoked.
ENROL = """
    INSERT INTO proxy.keys (id, name, owner, hash, is_service)
    VALUES (%(id)s, %(name)s, 'pilothouse', %(hash)s, true)
    ON CONFLICT (name) DO UPDATE
    SET revoked_at = CASE WHEN keys.hash = EXCLUDED.hash THEN keys.revoked_at END,
        hash = EXCLUDED.hash
    WHERE keys.is_service"""
FIND = """
    SELECT id, name, is_service, scopes, models, budget_usd, budget_day_usd, expires_at, revoked_at
    FROM proxy.keys
    WHERE hash = %(hash)s"""


@dataclass(frozen=True)
class Key:
    """One row of `proxy.keys`."""

    id: UUID
    name: str
    is_service: bool
    scopes: list[str]
    models: list[str] | None
    budget_usd: Decimal | None
    budget_day_usd: Decimal | None
    expires_at: datetime | None
    revoked_at: datetime | None

    def require(self, scope: str, *, model: str) -> None:
        """Raise unless the key may do this."""
        if scope not in self.scopes:
            raise ForbiddenError(
                f"this key lacks the scope '{scope}'",
                hint=f"it has {', '.join(self.scopes) or 'none'}; use another key",
            )
        if self.models is not None and model not in self.models:
            hint = f"ask one of: {', '.join(self.models) or 'none'}"
            raise ForbiddenError(f"this key may not use the model {model}", hint=hint)


class Keys:
    """The table `proxy.keys`."""

    def __init__(self, pool: Pool, *, secret: str) -> None:
        """`secret` is the one that keys are hashed under."""
        self._pool = pool
        self._secret = secret
        self._found: dict[str, tuple[float, Key]] = {}

    async def enrol(self, services: Mapping[str, str]) -> None:
        """Put the stack's own callers (name -> hash) into the table."""
        async with self._pool.connection() as connection:
            for name in sorted(services):  # in one order, so that proxies that start at once do not wait in a circle
                await connection.execute(ENROL, {"id": uuid4(), "name": name, "hash": services[name]})

    async def identify(self, authorization: str | None) -> Key:
        """The key that was sent; raises `UnauthorizedError` when it is none, or no longer one."""
        digest = hash_key(bearer(authorization), secret=self._secret)
        now_s = time.monotonic()
        found_at_s, key = self._found.get(digest, (0, None))
        if key is None or now_s > found_at_s + REMEMBERED_S:
            key = await self._find(digest)
            self._found[digest] = (now_s, key)
        if key.expires_at is not None and key.expires_at <= now():
            raise UnauthorizedError("this key has expired", hint="make another: bin/pilothouse keys create")
        return key

    def forget(self) -> None:
        """Look every key up again: one was changed just now."""
        self._found.clear()

    async def _find(self, digest: str) -> Key:
        async with self._pool.connection(POOL_WAIT_S) as connection:
            cursor = await connection.execute(FIND, {"hash": digest})
            row: dict[str, Any] | None = await cursor.fetchone()
        if row is None:
            raise UnauthorizedError("this key is not known here", hint="bin/pilothouse keys list shows those that are")
        key = Key(**row)
        if key.revoked_at is not None:
            raise UnauthorizedError("this key was revoked", hint="make another: bin/pilothouse keys create")
        return key
