"""What people decide about intents. A decision counts because of its signature, not because of who brings it."""

from collections.abc import Mapping
from uuid import UUID

from broker.approvers import Approver, Approvers, RepeatedError
from broker.audit import Writing
from broker.books import Books, move, read_own
from broker.desk import Desk
from broker.edits import edited
from broker.intents import Intent, State, hash_of
from broker.statements import SignedStatement
from pilothouse.clock import Clock, now
from pilothouse.errors import BadInputError, ConflictError

ANSWERS: Mapping[str, State] = {"approve": "approved", "reject": "rejected"}
FATES: Mapping[str, State] = {"filled": "filled", "failed": "failed"}
EDIT = "edit"
DETAILS: Mapping[str, frozenset[str]] = {  # an edit's are its changes
    "approve": frozenset(),
    "reject": frozenset({"note"}),
    "filled": frozenset({"note"}),
    "failed": frozenset({"note"}),
}


class Decisions:
    """Decides on the books."""

    def __init__(self, books: Books, approvers: Approvers, desk: Desk, *, clock: Clock = now) -> None:
        """`approvers` says whose signature counts, `desk` judges what an edit makes of an intent."""
        self._books = books
        self._approvers = approvers
        self._desk = desk
        self._clock = clock

    async def decide(self, intent_id: UUID, signed: SignedStatement, *, user_id: str) -> Intent:
        """Carry out what an approver has signed about an intent of this user; the intent as it is then.

        The same statement again changes nothing, and is answered like the first time.
        """
        _require_known(signed)
        try:
            if signed.decision == EDIT:
                return await self._edit(intent_id, signed, user_id=user_id)
            return await self._decide(intent_id, signed, user_id=user_id)
        except RepeatedError:
            return await self._books.get_own(intent_id, user_id=user_id)

    async def _decide(self, intent_id: UUID, signed: SignedStatement, *, user_id: str) -> Intent:
        note = signed.details.get("note", "")
        async with self._books.audit.writing() as writing:
            intent, approver = await self._accepted(writing, intent_id, signed, user_id=user_id)
            if signed.decision in FATES:
                _require_unknown(intent)
                said = f"{approver.name} says so" + (f": {note}" if note else "")
                return await move(writing, intent, FATES[signed.decision], note=said)
            require_open(intent, self._clock)
            return await move(writing, intent, ANSWERS[signed.decision], decided_by=_named(approver), note=note)

    async def _edit(self, intent_id: UUID, signed: SignedStatement, *, user_id: str) -> Intent:
        """Another intent takes its place, if it is within the limits; otherwise everything stays as it is."""
        bot = await self._desk.look((await self._books.get_own(intent_id, user_id=user_id)).pair)
        async with self._books.audit.writing() as writing:
            intent, approver = await self._accepted(writing, intent_id, signed, user_id=user_id)
            require_open(intent, self._clock)
            new = edited(intent, signed.details, key=f"edit/{intent.id}/{signed.nonce}", at=self._clock())
            await move(writing, intent, "rejected", decided_by=_named(approver), note="edited")
            judged = await self._desk.admit(writing, new, bot)
            if judged.state == "refused":
                reasons = "; ".join(each["message"] for each in judged.refusals)
                raise ConflictError(f"so changed it would be refused: {reasons}", hint="it waits as it was")
            return await read_own(writing.connection, intent.id, user_id=user_id)

    async def _accepted(
        self, writing: Writing, intent_id: UUID, signed: SignedStatement, *, user_id: str
    ) -> tuple[Intent, Approver]:
        intent = await read_own(writing.connection, intent_id, user_id=user_id)
        # From the row as it is now: whoever changed it behind the broker's back has changed the hash too.
        return intent, await self._approvers.accept(writing, signed, subject=hash_of(intent))


def require_open(intent: Intent, clock: Clock) -> None:
    """Only what still waits can be decided."""
    if intent.state != "awaiting_approval":
        raise ConflictError(f"intent {intent.id} is {intent.state}: nothing waits for a decision", hint="look at it")
    if intent.expires_at <= clock():
        raise ConflictError(f"intent {intent.id} expired unanswered: no trade", hint="ask for it again")


def _require_unknown(intent: Intent) -> None:
    if intent.state != "unknown":
        raise ConflictError(f"intent {intent.id} is {intent.state}: its fate is no question", hint="look at it")


def _require_known(signed: SignedStatement) -> None:
    if signed.decision != EDIT and signed.decision not in DETAILS:
        known = ", ".join([*DETAILS, EDIT])
        raise BadInputError(f"'{signed.decision}' is no decision on an intent", hint=f"there are {known}")
    unknown = signed.details.keys() - DETAILS.get(signed.decision, signed.details.keys())
    if unknown:
        raise BadInputError(f"'{signed.decision}' has no {', '.join(sorted(unknown))}", hint="leave it out")


def _named(approver: Approver) -> str:
    return f"approver {approver.name}"
