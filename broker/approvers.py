"""Who may decide: people whose public keys were paired. Here, and only here, a signature is believed."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, NoReturn
from uuid import UUID, uuid4

from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from broker.audit import Audit, Writing
from broker.statements import PublicKey, SignedStatement
from pilothouse import log
from pilothouse.clock import Clock, now
from pilothouse.db import AsyncDictConnection, Pool
from pilothouse.errors import BadInputError, ConflictError, ForbiddenError, NotFoundError
from pilothouse.signing import is_public_key, is_signed, pairing_proof

MAX_VALIDITY = timedelta(minutes=10)  # whoever keeps a statement back cannot use it later
SHOW_AGAIN = "look at what it is about again, and sign that"

LIST = "SELECT id, name, public_key, paired_at, revoked_at FROM broker.approvers ORDER BY paired_at, id"
WITH_ID = "SELECT id, name, public_key, paired_at, revoked_at FROM broker.approvers WHERE id = %(id)s"
WITH_KEY = """
    SELECT id, name, public_key, paired_at, revoked_at
    FROM broker.approvers
    WHERE public_key = %(public_key)s"""
ADD = """
    INSERT INTO broker.approvers (id, name, public_key, paired_at)
    VALUES (%(id)s, %(name)s, %(public_key)s, %(paired_at)s)"""
REVOKE = "UPDATE broker.approvers SET revoked_at = %(at)s WHERE id = %(id)s"
USE_NONCE = """
    INSERT INTO broker.decisions (approver_id, nonce, subject, statement, signature, accepted_at)
    VALUES (%(approver_id)s, %(nonce)s, %(subject)s, %(statement)s, %(signature)s, %(at)s)
    ON CONFLICT (approver_id, nonce) DO NOTHING"""

WITH_NONCE = "SELECT statement FROM broker.decisions WHERE approver_id = %(approver_id)s AND nonce = %(nonce)s"

logger = log.get_logger()


class RepeatedError(ConflictError):
    """Exactly this statement was accepted before: whoever lost the answer may be told again what became of it."""


@dataclass(frozen=True)
class Approver:
    """A person's key, as it was paired."""

    id: UUID
    name: str
    public_key: str
    paired_at: datetime
    revoked_at: datetime | None


class Pairing(BaseModel):
    """A public key to be paired. `proof` shows that the pairing secret was at hand: see `pairing_proof`."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(pattern=r"^\w[\w .@-]{0,49}$")] = Field(examples=["ada's laptop"])
    public_key: PublicKey
    proof: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Approvers:
    """The table `broker.approvers`."""

    def __init__(self, pool: Pool, audit: Audit, *, pairing_secret: str, clock: Clock = now) -> None:
        """`pairing_secret` is known to this process and to the owner of the stack, not to the controller."""
        self._pool = pool
        self._audit = audit
        self._pairing_secret = pairing_secret
        self._clock = clock

    async def list_all(self) -> list[Approver]:
        """Everybody who was ever paired, the first one first."""
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Approver)) as cursor:
            await cursor.execute(LIST)
            return await cursor.fetchall()

    async def pair(self, asked: Pairing) -> Approver:
        """Let a key decide from now on. The same key again is the same approver; a revoked one stays revoked."""
        wanted = pairing_proof(name=asked.name, public_key=asked.public_key, secret=self._pairing_secret)
        if not hmac.compare_digest(asked.proof, wanted):
            _refuse("the proof does not fit the pairing secret", hint="pair where the secret is: in the stack's home")
        if not is_public_key(asked.public_key):
            raise BadInputError("public_key is no point on the curve P-256", hint="bin/pilothouse approvals pair")
        async with self._audit.writing() as writing:
            known = await _with_key(writing.connection, asked.public_key)
            if known is not None:
                return _still_paired(known)
            approver = Approver(uuid4(), asked.name, asked.public_key, self._clock(), None)
            await writing.connection.execute(ADD, vars(approver))
            shown = {"name": approver.name, "public_key": approver.public_key}
            await writing.note("approver.paired", str(approver.id), shown)
            return approver

    async def revoke(self, approver_id: UUID, signed: SignedStatement) -> Approver:
        """Believe nothing more that this key signs. Signed by any approver, that one included."""
        if signed.decision != "revoke":
            raise BadInputError(f"'{signed.decision}' is no decision on an approver", hint="sign 'revoke'")
        async with self._audit.writing() as writing:
            approver = await _with_id(writing.connection, approver_id)
            await self.accept(writing, signed, subject=str(approver.id))
            _still_paired(approver)
            await writing.connection.execute(REVOKE, {"id": approver.id, "at": self._clock()})
            return await _with_id(writing.connection, approver_id)

    async def accept(self, writing: Writing, signed: SignedStatement, *, subject: str) -> Approver:
        """The approver who signed exactly this about `subject`, now, for the first time; an error otherwise.

        With the transaction `writing`, the statement is stored, its nonce is used up, and the audit log has it.
        """
        at, statement = self._clock(), signed.statement
        approver = await _with_key(writing.connection, signed.public_key)
        if approver is None or approver.revoked_at is not None:
            _refuse("this key may not decide: it is not paired, or was revoked", hint="bin/pilothouse approvals pair")
        if not is_signed(statement, signed.signature, public_key=approver.public_key):
            _refuse("the signature does not fit what it is said to be under", hint=SHOW_AGAIN)
        if signed.subject != subject:
            _refuse("the signature is about something else than this", hint=SHOW_AGAIN)
        if not at < signed.expires_at <= at + MAX_VALIDITY:
            hint = f"sign again, for at most {MAX_VALIDITY.seconds // 60} minutes; does your clock go right?"
            _refuse("the statement has expired, or is good for too long", hint=hint)
        kept = {"approver_id": approver.id, "nonce": signed.nonce, "subject": subject, "at": at}
        kept |= {"statement": statement.text, "signature": signed.signature}
        if not (await writing.connection.execute(USE_NONCE, kept)).rowcount:
            raise await _used_before(writing.connection, kept)
        said = {"approver": str(approver.id), "statement": statement.text, "signature": signed.signature}
        await writing.note(f"signed.{signed.decision}", subject, said)
        return approver


def _refuse(message: str, *, hint: str) -> NoReturn:
    logger.warning("statement.refused", reason=message)
    raise ForbiddenError(message, hint=hint)


def _still_paired(approver: Approver) -> Approver:
    if approver.revoked_at is not None:
        raise ConflictError(f"the key of '{approver.name}' was revoked, for good", hint="pair a new key")
    return approver


async def _used_before(connection: AsyncDictConnection, kept: Mapping[str, Any]) -> ConflictError:
    before = await (await connection.execute(WITH_NONCE, kept)).fetchone()
    if before and before["statement"] == kept["statement"]:
        return RepeatedError("this statement was accepted before", hint="look at what became of it")
    return ConflictError("this nonce was used for another statement", hint="sign again, with a new nonce")


async def _with_key(connection: AsyncDictConnection, public_key: str) -> Approver | None:
    async with connection.cursor(row_factory=class_row(Approver)) as cursor:
        await cursor.execute(WITH_KEY, {"public_key": public_key})
        return await cursor.fetchone()


async def _with_id(connection: AsyncDictConnection, approver_id: UUID) -> Approver:
    async with connection.cursor(row_factory=class_row(Approver)) as cursor:
        await cursor.execute(WITH_ID, {"id": approver_id})
        found = await cursor.fetchone()
    if found is None:
        raise NotFoundError(f"there is no approver {approver_id}", hint="bin/pilothouse approvals approvers")
    return found
