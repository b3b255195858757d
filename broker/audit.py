"""The audit log: a chain of HMACs whose key and newest link are outside the database.

A record's MAC covers its number, its time, its content and the MAC before it. The newest number and MAC are written to
a file (`audit_head`), and to the disk, after each commit: a tail that was cut off is missed there. The file may be
behind by what a crash kept from it, never ahead.
"""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from broker.audit_head import HEAD_FILE, Head, keep_proof, write_head
from broker.intents import Intent
from pilothouse.clock import Clock, now
from pilothouse.db import AdvisoryLock, AsyncDictConnection, Pool
from pilothouse.signing import canonical, instant

TAKE_TURN = "SELECT pg_advisory_xact_lock(%(turns)s)"
LAST = "SELECT seq, mac FROM broker.audit ORDER BY seq DESC LIMIT 1"
APPEND = """
    INSERT INTO broker.audit (seq, at, kind, subject, body, mac)
    VALUES (%(seq)s, %(at)s, %(kind)s, %(subject)s, %(body)s, %(mac)s)"""


@dataclass(frozen=True)
class Record:
    """One thing that happened. `subject`: an intent's id, or what else it is about."""

    seq: int
    at: datetime
    kind: str
    subject: str
    body: str
    mac: str


class Writing:
    """One transaction that changes the books: whatever is written in it is written with its audit records."""

    def __init__(self, connection: AsyncDictConnection, key: bytes, head: Head, clock: Clock) -> None:
        self.connection = connection
        self.head = head
        self._key = key
        self._clock = clock

    async def note(self, kind: str, subject: str, content: Mapping[str, Any]) -> None:
        """Append a record."""
        at, body, seq = self._clock(), canonical(content), self.head.seq + 1
        mac = mac_of(self._key, self.head.mac, seq=seq, at=at, kind=kind, subject=subject, body=body)
        values = {"seq": seq, "at": at, "kind": kind, "subject": subject, "body": body, "mac": mac}
        await self.connection.execute(APPEND, values)
        self.head = Head(seq, mac)


class Audit:
    """The chain in `broker.audit`, and its head in a file of the broker's own folder."""

    def __init__(self, pool: Pool, *, key: bytes, folder: Path, clock: Clock = now) -> None:
        self._pool = pool
        self._key = key
        self._file = folder / HEAD_FILE
        self._clock = clock
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[Writing]:
        """A transaction on the books, one at a time: what is decided in it sees everything decided before.

        The head's file follows the commit, so that it never names a record that does not exist.
        """
        async with self._turn:
            async with self._pool.connection() as connection, connection.transaction():
                await connection.execute(TAKE_TURN, {"turns": AdvisoryLock.AUDIT})
                row = await (await connection.execute(LAST)).fetchone()
                began = Head() if row is None else Head(row["seq"], row["mac"])
                await asyncio.to_thread(keep_proof, self._file, began, self._key)
                writing = Writing(connection, self._key, began, self._clock)
                yield writing
            if writing.head != began:
                await asyncio.to_thread(write_head, self._file, writing.head, self._key)


def mac_of(key: bytes, before: str, *, seq: int, at: datetime, kind: str, subject: str, body: str) -> str:
    """The MAC of one record, in hex."""
    covered = canonical(
        {"before": before, "seq": seq, "at": instant(at), "kind": kind, "subject": subject, "body": body}
    )
    return hmac.new(key, covered.encode(), hashlib.sha256).hexdigest()


def state_record(intent: Intent) -> dict[str, Any]:
    """What the audit log says of an intent that reached a state."""
    return {
        "hash": intent.hash,
        "state": intent.state,
        "decided_by": intent.decided_by,
        "refusals": intent.refusals,
        "note": intent.note,
        "fill": intent.fill,
    }
