"""Where intents arrive: each is entered in the books and judged there, in one transaction."""

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

from broker.audit import Writing
from broker.book_side import ALLOWANCE, read_books
from broker.books import HAS_KEY, Books, add, find, move
from broker.bot_side import BotSide, Lookout
from broker.intents import Intent, IntentRequest, with_hash
from broker.limits import Refusal, needs_person, refusals
from broker.policy import CurrentPolicy
from broker.snapshot import Snapshot
from broker.usage import LimitsView, Usage
from pilothouse.clock import Clock, now
from pilothouse.errors import ConflictError

NOBODYS = UUID(int=0)


class Desk:
    """Judges intents by the policy in force, Freqtrade's word and our own books."""

    def __init__(
        self, books: Books, policy: CurrentPolicy, lookout: Lookout, *, folder: Path, clock: Clock = now
    ) -> None:
        self.books = books
        self.policy = policy
        self._lookout = lookout
        self._folder = folder
        self._clock = clock

    async def propose(self, caller: str, request: IntentRequest) -> Intent:
        """The intent this request becomes, judged; the one it became before, if its key was used already."""
        known = await self.books.with_key(caller=caller, user_id=request.user_id, key=request.key)
        if known:
            return _same(known, request)
        bot = await self.look(request.pair)  # before the transaction: nobody waits for Freqtrade in it
        async with self.books.audit.writing() as writing:
            values = {"caller": caller, "user_id": request.user_id, "key": request.key}
            before = await find(writing.connection, HAS_KEY, values)
            if before:
                return _same(before[0], request)
            return await self.admit(writing, self._intent(caller, request), bot)

    async def look(self, pair: str) -> BotSide:
        """What Freqtrade says now; asked for before `admit` and `recheck`."""
        return await self._lookout.look(pair)

    async def admit(self, writing: Writing, intent: Intent, bot: BotSide) -> Intent:
        """Enter a new intent and judge it: refused with every reason, awaiting a person, or approved by allowance."""
        await add(writing, intent)
        snapshot, policy = await self._snapshot(writing, intent, bot), self.policy.now
        found = refusals(intent, policy, snapshot)
        if found:
            return await move(writing, intent, "refused", refusals=[asdict(each) for each in found])
        if needs_person(intent, policy, snapshot):
            return await move(writing, intent, "awaiting_approval")
        return await move(writing, intent, "approved", decided_by=ALLOWANCE)

    async def recheck(self, writing: Writing, intent: Intent, bot: BotSide) -> list[Refusal]:
        """Every reason not to go on with an intent that was within the limits before."""
        snapshot, policy = await self._snapshot(writing, intent, bot), self.policy.now
        found = refusals(intent, policy, snapshot)
        if intent.decided_by == ALLOWANCE and needs_person(intent, policy, snapshot):
            found.append(Refusal("approval", "no allowance of the policy covers it any more"))
        return found

    async def limits(self) -> LimitsView:
        """The policy in force, and how much of it is used now."""
        policy = self.policy.now
        bot = await self.look(policy.allowed_pairs[0])  # of any pair: no price is asked for
        async with self.books.audit.writing() as writing:
            used = Usage.of(await self._snapshot(writing, None, bot))
        return LimitsView(policy=policy.content, used=used)

    async def _snapshot(self, writing: Writing, besides: Intent | None, bot: BotSide) -> Snapshot:
        at, intent_id = self._clock(), besides.id if besides else NOBODYS
        books = await read_books(writing.connection, besides=intent_id, at=at, folder=self._folder)
        return Snapshot(bot, books)

    def _intent(self, caller: str, request: IntentRequest) -> Intent:
        at, policy = self._clock(), self.policy.now
        lifetime_s = policy.intent_lifetime_s if request.lifetime_s is None else request.lifetime_s
        asked = request.model_dump(exclude={"lifetime_s"})
        intent = Intent(
            **asked,
            id=uuid4(),
            caller=caller,
            request_hash=request.hash,
            hash="",
            mode=policy.mode,
            expires_at=at + timedelta(seconds=lifetime_s),
            state="proposed",
            refusals=[],
            decided_by=None,
            replaces=None,
            note="",
            orders_before=None,
            fill=None,
            created_at=at,
            changed_at=at,
            submitted_at=None,
        )
        return with_hash(intent)


def _same(intent: Intent, request: IntentRequest) -> Intent:
    if intent.request_hash != request.hash:
        raise ConflictError(
            f"the key {request.key} already names intent {intent.id}, which asked for something else",
            hint="use a new key for a new intent",
        )
    return intent
