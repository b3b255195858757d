"""What people decide about intents. A decision counts because of its signature, not because of who brings it."""

from uuid import UUID

from broker.approvers import Approver, Approvers
from broker.audit import Writing
from broker.books import Books, move, read_own
from broker.intents import Intent, hash_of
from broker.statements import SignedStatement
from pilothouse.clock import Clock, now
from pilothouse.errors import BadInputError, ConflictError

DECISIONS = ("approve", "reject")


class Decisions:
    """Decides on the books."""

    def __init__(self, books: Books, approvers: Approvers, *, clock: Clock = now) -> None:
        """`approvers` says whose signature counts."""
        self._books = books
        self._approvers = approvers
        self._clock = clock

    async def decide(self, intent_id: UUID, signed: SignedStatement, *, user_id: str) -> Intent:
        """Carry out what an approver has signed about an intent of this user, once."""
        if signed.decision not in DECISIONS:
            known = ", ".join(DECISIONS)
            raise BadInputError(f"'{signed.decision}' is no decision on an intent", hint=f"there are {known}")
        async with self._books.audit.writing() as writing:
            intent = await read_own(writing.connection, intent_id, user_id=user_id)
            # From the row as it is now: whoever changed it behind the broker's back has changed the hash too.
            approver = await self._approvers.accept(writing, signed, subject=hash_of(intent))
            return await self._carry_out(writing, intent, signed, approver)

    async def _carry_out(self, writing: Writing, intent: Intent, signed: SignedStatement, approver: Approver) -> Intent:
        require_open(intent, self._clock)
        state = "approved" if signed.decision == "approve" else "rejected"
        return await move(writing, intent, state, decided_by=f"approver {approver.name}")


def require_open(intent: Intent, clock: Clock) -> None:
    """Only what still waits can be decided."""
    if intent.state != "awaiting_approval":
        raise ConflictError(f"intent {intent.id} is {intent.state}: nothing waits for a decision", hint="look at it")
    if intent.expires_at <= clock():
        raise ConflictError(f"intent {intent.id} expired unanswered: no trade", hint="ask for it again")
