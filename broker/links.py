"""Links that decide one intent, once: for places where nobody can sign. They approve little, and may always reject."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from broker.audit import Writing
from broker.books import Books, move, read, read_own
from broker.decisions import require_open
from broker.figures import plain
from broker.intents import Intent
from broker.policy import CurrentPolicy, Policy
from pilothouse.clock import Clock, now
from pilothouse.db import AsyncDictConnection, Pool
from pilothouse.errors import ForbiddenError, GoneError, NotFoundError

TOKEN_BYTES = 32
BY_LINK = "link"

ADD = """
    INSERT INTO broker.links (token_hash, intent_id, expires_at)
    VALUES (%(token_hash)s, %(intent_id)s, %(expires_at)s)"""
FIND = "SELECT intent_id, expires_at, used_at FROM broker.links WHERE token_hash = %(token_hash)s"
USE = "UPDATE broker.links SET used_at = %(at)s WHERE token_hash = %(token_hash)s"


@dataclass(frozen=True)
class Link:
    """A fresh link. The token is shown this once; only its hash is stored."""

    token: str
    expires_at: datetime


@dataclass(frozen=True)
class Offer:
    """What a link is about. `only_reject`: why it may not approve, or nothing."""

    intent: Intent
    only_reject: str


class Links:
    """The table `broker.links`."""

    def __init__(self, pool: Pool, books: Books, policy: CurrentPolicy, *, clock: Clock = now) -> None:
        """`policy` says up to which stake a link may approve."""
        self._pool = pool
        self._books = books
        self._policy = policy
        self._clock = clock

    async def mint(self, intent_id: UUID, *, user_id: str) -> Link:
        """A link for an intent that waits; it lives as long as the intent does."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        async with self._books.audit.writing() as writing:
            intent = await read_own(writing.connection, intent_id, user_id=user_id)
            require_open(intent, self._clock)
            values = {"token_hash": _hash(token), "intent_id": intent.id, "expires_at": intent.expires_at}
            await writing.connection.execute(ADD, values)
            await writing.note("link.minted", str(intent.id), {"token_hash": _hash(token)})
        return Link(token, intent.expires_at)

    async def look(self, token: str) -> Offer:
        """What it is about; changes nothing."""
        async with self._pool.connection() as connection:
            intent = await self._intent(connection, token)
        return Offer(intent, why_only_reject(intent, self._policy.now))

    async def reject(self, token: str) -> Intent:
        """Say no."""
        async with self._books.audit.writing() as writing:
            intent = await self._use(writing, token)
            return await move(writing, intent, "rejected", decided_by=BY_LINK)

    async def approve(self, token: str) -> Intent:
        """Say yes, if a link may; otherwise it stays as good as it was."""
        async with self._books.audit.writing() as writing:
            intent = await self._use(writing, token)
            if reason := why_only_reject(intent, self._policy.now):
                hint = f"sign for it: bin/pilothouse approvals approve {intent.id}; a link can only reject it"
                raise ForbiddenError(reason, hint=hint)
            return await move(writing, intent, "approved", decided_by=BY_LINK)

    async def _use(self, writing: Writing, token: str) -> Intent:
        intent = await self._intent(writing.connection, token)
        await writing.connection.execute(USE, {"token_hash": _hash(token), "at": self._clock()})
        await writing.note("link.used", str(intent.id), {"token_hash": _hash(token)})
        return intent

    async def _intent(self, connection: AsyncDictConnection, token: str) -> Intent:
        found = await (await connection.execute(FIND, {"token_hash": _hash(token)})).fetchone()
        if found is None:
            raise NotFoundError("there is no such link", hint="open it exactly as it was sent")
        if found["used_at"] is not None or found["expires_at"] <= self._clock():
            raise GoneError("this link was used, or has expired", hint="bin/pilothouse approvals list")
        intent = await read(connection, found["intent_id"])
        require_open(intent, self._clock)
        return intent


def why_only_reject(intent: Intent, policy: Policy) -> str:
    """Why a link may not approve this, or nothing: whoever reads along could use it."""
    if intent.mode != "dry" or intent.action != "enter" or intent.stake is None:
        return "a link approves pretended entries only"
    if intent.tainted:
        return "text that others wrote led to this: it needs a signature"
    if intent.stake > policy.link_stake:
        return (
            f"the stake of {plain(intent.stake)} is above {plain(policy.link_stake)}, which is all a link may approve"
        )
    return ""


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
