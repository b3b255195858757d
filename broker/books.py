"""The broker's books: every intent and the state it is in. Each step is one transaction with its audit record."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from broker.audit import Audit, Writing, state_record
from broker.intents import NEXT, Intent, State, signed_content
from pilothouse.db import AsyncDictConnection, Pool
from pilothouse.errors import ConflictError, NotFoundError

FIND = """
    SELECT intent.id, intent.caller, intent.user_id, intent.key, intent.request_hash, intent.hash, intent.action,
           intent.pair, intent.side, intent.stake, intent.trade_id, intent.amount, intent.price_seen, intent.reason,
           intent.evidence, intent.thread_id, intent.run_id, intent.tainted, intent.mode, intent.expires_at,
           intent.state, intent.refusals, intent.decided_by, intent.replaces, intent.note, intent.orders_before,
           intent.fill, intent.created_at, intent.changed_at, intent.submitted_at, later.id AS replaced_by
    FROM broker.intents AS intent
    LEFT JOIN broker.intents AS later ON later.replaces = intent.id
    WHERE """
NEWEST_FIRST = " ORDER BY intent.place DESC LIMIT %(limit)s"
HAS_ID = "intent.id = %(id)s"
HAS_KEY = "intent.caller = %(caller)s AND intent.user_id = %(user_id)s AND intent.key = %(key)s"
OF_USER = """
    intent.user_id = %(user_id)s
    AND (%(states)s::text[] IS NULL OR intent.state = ANY(%(states)s))
    AND (%(key)s::text IS NULL OR intent.key = %(key)s)"""
IN_STATES = "intent.state = ANY(%(states)s)"
INSERT = """
    INSERT INTO broker.intents
        (id, caller, user_id, key, request_hash, hash, action, pair, side, stake, trade_id, amount, price_seen, reason,
         evidence, thread_id, run_id, tainted, mode, expires_at, state, refusals, decided_by, replaces, note,
         created_at, changed_at)
    VALUES (%(id)s, %(caller)s, %(user_id)s, %(key)s, %(request_hash)s, %(hash)s, %(action)s, %(pair)s, %(side)s,
            %(stake)s, %(trade_id)s, %(amount)s, %(price_seen)s, %(reason)s, %(evidence)s, %(thread_id)s, %(run_id)s,
            %(tainted)s, %(mode)s, %(expires_at)s, %(state)s, %(refusals)s, %(decided_by)s, %(replaces)s, %(note)s,
            %(created_at)s, %(changed_at)s)"""
CHANGE = """
    UPDATE broker.intents
    SET {changes}, changed_at = now()
    WHERE id = %(id)s AND state = %(from_state)s"""
CHANGING = frozenset({"refusals", "decided_by", "note", "orders_before", "fill", "submitted_at"})
JSON = frozenset({"refusals", "evidence", "orders_before", "fill"})


class Books:
    """The table `broker.intents`."""

    def __init__(self, pool: Pool, audit: Audit) -> None:
        """Whatever changes the books begins with `audit.writing()`."""
        self._pool = pool
        self.audit = audit

    async def get(self, intent_id: UUID) -> Intent:
        """One intent."""
        async with self._pool.connection() as connection:
            return await read(connection, intent_id)

    async def get_own(self, intent_id: UUID, *, user_id: str) -> Intent:
        """An intent of this user."""
        async with self._pool.connection() as connection:
            return await read_own(connection, intent_id, user_id=user_id)

    async def with_key(self, *, caller: str, user_id: str, key: str) -> Intent | None:
        """The intent an earlier request with this key became."""
        async with self._pool.connection() as connection:
            found = await find(connection, HAS_KEY, {"caller": caller, "user_id": user_id, "key": key})
        return found[0] if found else None

    async def newest(
        self, *, user_id: str, states: Sequence[State] | None, limit: int, key: str | None = None
    ) -> list[Intent]:
        """A user's intents, the newest first; only those in `states`, and with this key, if given."""
        values = {
            "user_id": user_id,
            "states": None if states is None else list(states),
            "key": key,
            "limit": limit,
        }
        async with self._pool.connection() as connection:
            return await find(connection, OF_USER, values)

    async def in_states(self, *states: State) -> list[Intent]:
        """Everybody's intents in these states, the newest first."""
        async with self._pool.connection() as connection:
            return await find(connection, IN_STATES, {"states": list(states)})


async def read(connection: AsyncDictConnection, intent_id: UUID) -> Intent:
    """One intent, as part of a transaction."""
    found = await find(connection, HAS_ID, {"id": intent_id})
    if not found:
        raise _no_intent(intent_id)
    return found[0]


async def read_own(connection: AsyncDictConnection, intent_id: UUID, *, user_id: str) -> Intent:
    """An intent of this user, as part of a transaction; those of others do not exist for them."""
    intent = await read(connection, intent_id)
    if intent.user_id != user_id:
        raise _no_intent(intent_id)
    return intent


async def find(connection: AsyncDictConnection, condition: LiteralString, values: Mapping[str, Any]) -> list[Intent]:
    """Intents, the newest first, as part of a transaction; `condition` is about the row `intent`."""
    async with connection.cursor(row_factory=class_row(Intent)) as cursor:
        await cursor.execute(FIND + condition + NEWEST_FIRST, {"limit": None, **values})
        return await cursor.fetchall()


async def add(writing: Writing, intent: Intent) -> None:
    """Enter a new intent, proposed."""
    await writing.connection.execute(INSERT, _ready(vars(intent)))
    asked = {**signed_content(intent), **state_record(intent), "caller": intent.caller, "key": intent.key}
    await writing.note("intent.proposed", str(intent.id), asked)


async def move(writing: Writing, intent: Intent, state: State, **changes: Any) -> Intent:
    """Bring an intent from the state it was read in to another; `ConflictError` if it is in that one no more."""
    if state not in NEXT.get(intent.state, frozenset()):
        raise ConflictError(f"intent {intent.id} is {intent.state}: it cannot become {state}", hint="look at it again")
    fixed = changes.keys() - CHANGING
    assert not fixed, fixed  # noqa: S101 -- a mistake of ours: nothing else of an intent ever changes
    columns = {"state": state, **changes}
    assigned = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in columns]
    statement = sql.SQL(CHANGE).format(changes=sql.SQL(", ").join(assigned))
    values = {**_ready(columns), "id": intent.id, "from_state": intent.state}
    if not (await writing.connection.execute(statement, values)).rowcount:
        raise ConflictError(f"intent {intent.id} is no longer {intent.state}", hint="look at it again")
    moved = await read(writing.connection, intent.id)
    await writing.note(f"intent.{state}", str(intent.id), state_record(moved))
    return moved


def _no_intent(intent_id: UUID) -> NotFoundError:
    return NotFoundError(f"there is no intent {intent_id}", hint="list them: bin/pilothouse approvals list")


def _ready(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: Jsonb(value) if name in JSON and value is not None else value for name, value in values.items()}
