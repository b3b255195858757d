"""Hooks: doors through which programs such as n8n hand work to the agent. Everything that comes in is others' text."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from psycopg import Rollback
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from agents.background import Background
from agents.leases import NewRun
from agents.store import TAINT_THREAD, no_thread
from pilothouse.clock import Clock
from pilothouse.db import AsyncDictConnection, Pool
from pilothouse.errors import ConflictError, NotFoundError

KEYS_KEPT = timedelta(hours=24)

COLUMNS = "id, name, user_id, secret_version, callbacks, deadline_s, max_model_calls, budget_usd, created_at"
ADD = f"""
    INSERT INTO controller.hooks (id, name, user_id, callbacks, deadline_s, max_model_calls, budget_usd)
    VALUES (%(id)s, %(name)s, %(user_id)s, %(callbacks)s, %(deadline_s)s, %(max_model_calls)s, %(budget_usd)s)
    RETURNING {COLUMNS}"""  # noqa: S608 -- the columns are a constant
FIND = f"SELECT {COLUMNS} FROM controller.hooks WHERE name = %(name)s"  # noqa: S608 -- the columns are a constant
LIST = f"""
    SELECT {COLUMNS}
    FROM controller.hooks
    WHERE user_id = %(user_id)s
    ORDER BY name"""  # noqa: S608 -- the columns are a constant
ROTATE = f"""
    UPDATE controller.hooks
    SET secret_version = secret_version + 1
    WHERE name = %(name)s AND user_id = %(user_id)s
    RETURNING {COLUMNS}"""  # noqa: S608 -- the columns are a constant
DELETE = "DELETE FROM controller.hooks WHERE name = %(name)s AND user_id = %(user_id)s RETURNING id"
FIND_CALL = """
    SELECT run_id, request
    FROM controller.hook_calls
    WHERE hook_id = %(hook_id)s AND key = %(key)s AND called_at > %(kept_since)s"""
# A key that is older than a day is as good as new. While a call with the same key is being stored, this one waits.
NOTE_CALL = """
    INSERT INTO controller.hook_calls AS known (hook_id, key, request, run_id, called_at)
    VALUES (%(hook_id)s, %(key)s, %(request)s, %(run_id)s, %(now)s)
    ON CONFLICT (hook_id, key) DO UPDATE
    SET request = excluded.request, run_id = excluded.run_id, called_at = excluded.called_at
    WHERE known.called_at <= %(kept_since)s
    RETURNING run_id"""
# A hook goes on with threads it began, not with a person's own: its answer would tell others what is in them.
IS_ITS_THREAD = """
    SELECT 1
    FROM controller.runs
    WHERE thread_id = %(thread_id)s AND user_id = %(user_id)s AND caller = %(caller)s
    LIMIT 1"""
IS_ITS_RUN = "SELECT 1 FROM controller.runs WHERE id = %(run_id)s AND user_id = %(user_id)s AND caller = %(caller)s"
DELIVER = """
    INSERT INTO controller.deliveries (run_id, hook_id, url, next_at)
    VALUES (%(run_id)s, %(hook_id)s, %(url)s, %(now)s)"""


@dataclass(frozen=True)
class NewHook:
    """Who its runs belong to, what each may use, and where answers may be brought (an address's beginning, or none)."""

    name: str
    user_id: str
    callbacks: str
    deadline_s: int
    max_model_calls: int
    budget_usd: Decimal | None


@dataclass(frozen=True)
class Hook(NewHook):
    """A hook as stored."""

    id: UUID
    secret_version: int
    created_at: datetime

    @property
    def caller(self) -> str:
        """As its runs are marked."""
        return f"hook:{self.id}"


@dataclass(frozen=True)
class HookCall:
    """One request to a hook. `request` is the digest of its body: another body under the same key is a mistake."""

    key: str
    request: str
    message: str
    thread_id: UUID | None
    callback_url: str | None


class Hooks:
    """The table of hooks and what is called through them."""

    def __init__(self, *, pool: Pool, background: Background, clock: Clock, model: str) -> None:
        """`model` is what their runs ask for."""
        self._pool = pool
        self._background = background
        self._clock = clock
        self._model = model

    async def add(self, new: NewHook) -> Hook:
        """A new door; its name is part of its address."""
        try:
            [hook] = await self._hooks(ADD, {**vars(new), "id": uuid4()})
        except UniqueViolation as error:
            raise ConflictError(f"there is a hook '{new.name}' already", hint="take another name") from error
        return hook

    async def find(self, name: str) -> Hook:
        """By its name, whoever asks: what they sign tells whether they may call it."""
        found = await self._hooks(FIND, {"name": name})
        if not found:
            raise _unknown(name)
        return found[0]

    async def list_all(self, *, user_id: str) -> Sequence[Hook]:
        """A user's hooks, by name."""
        return await self._hooks(LIST, {"user_id": user_id})

    async def rotate(self, name: str, *, user_id: str) -> Hook:
        """From now on its old secret signs nothing."""
        found = await self._hooks(ROTATE, {"name": name, "user_id": user_id})
        if not found:
            raise _unknown(name)
        return found[0]

    async def delete(self, name: str, *, user_id: str) -> None:
        """Close it. Its runs stay; answers that were not brought yet never are."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(DELETE, {"name": name, "user_id": user_id})).fetchone()
        if row is None:
            raise _unknown(name)

    async def require_run(self, hook: Hook, run_id: UUID) -> None:
        """A hook sees the runs it started, and no other."""
        async with self._pool.connection() as connection:
            values = {"run_id": run_id, "user_id": hook.user_id, "caller": hook.caller}
            if await (await connection.execute(IS_ITS_RUN, values)).fetchone() is None:
                raise NotFoundError(f"there is no run {run_id} of this hook", hint="ask with the run_id you were given")

    async def call(self, hook: Hook, call: HookCall) -> UUID:
        """The run of this call: a key starts one run a day, however often it comes."""
        if (known := await self._find_call(hook, call)) is not None:
            return known
        run = self._run(hook, call)
        async with self._pool.connection() as connection:
            stored = await self._store(connection, hook, call, run)
        if stored:
            return run.id
        known = await self._find_call(hook, call)
        if known is None:
            raise ConflictError("its run was deleted meanwhile", hint="send it again")
        return known

    async def _store(self, connection: AsyncDictConnection, hook: Hook, call: HookCall, run: NewRun) -> bool:
        """Run, taint, key and delivery together; False, and nothing of them, when the key was faster elsewhere."""
        now = self._clock()
        values = {
            "hook_id": hook.id,
            "key": call.key,
            "request": call.request,
            "run_id": run.id,
            "url": call.callback_url,
            "now": now,
            "kept_since": now - KEYS_KEPT,
        }
        async with connection.transaction() as transaction:
            if call.thread_id is not None:
                await self._require_its_thread(connection, hook, call.thread_id)
            await self._background.add_in(connection, run, may_wait=True, urgent=False)
            await connection.execute(TAINT_THREAD, {"id": run.thread_id})
            if await (await connection.execute(NOTE_CALL, values)).fetchone() is None:
                raise Rollback(transaction)
            if call.callback_url is not None:
                await connection.execute(DELIVER, values)
            return True
        return False

    async def _require_its_thread(self, connection: AsyncDictConnection, hook: Hook, thread_id: UUID) -> None:
        values = {"thread_id": thread_id, "user_id": hook.user_id, "caller": hook.caller}
        if await (await connection.execute(IS_ITS_THREAD, values)).fetchone() is None:
            raise no_thread(thread_id)

    async def _find_call(self, hook: Hook, call: HookCall) -> UUID | None:
        values = {"hook_id": hook.id, "key": call.key, "kept_since": self._clock() - KEYS_KEPT}
        async with self._pool.connection() as connection:
            row: dict[str, Any] | None = await (await connection.execute(FIND_CALL, values)).fetchone()
        if row is None:
            return None
        if row["request"] != call.request:
            hint = f"use a new key; this one belongs to run {row['run_id']}"
            raise ConflictError("this Idempotency-Key was used for another request", hint=hint)
        return row["run_id"]

    def _run(self, hook: Hook, call: HookCall) -> NewRun:
        return NewRun(
            id=uuid4(),
            thread_id=call.thread_id or uuid4(),
            user_id=hook.user_id,
            caller=hook.caller,
            idempotency_key=None,
            message=call.message,
            model=self._model,
            deadline_s=hook.deadline_s,
            max_model_calls=hook.max_model_calls,
            budget_usd=hook.budget_usd,
        )

    async def _hooks(self, statement: Any, values: dict[str, Any]) -> list[Hook]:
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Hook)) as cursor:
            await cursor.execute(statement, values)
            return await cursor.fetchall()


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(f"there is no hook '{name}'", hint="bin/pilothouse hooks list")
