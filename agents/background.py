"""Runs in the background: stored together with their job, and begun only once a worker has a hand free for them."""

from typing import Literal
from uuid import UUID

from agents.jobs import Jobs
from agents.leases import Leases, NewRun
from pilothouse.db import AsyncDictConnection, Pool

ADD_THREAD = """
    INSERT INTO controller.threads (id, user_id)
    VALUES (%(thread_id)s, %(user_id)s)
    ON CONFLICT (id) DO NOTHING"""
LOCK_THREAD = "SELECT id FROM controller.threads WHERE id = %(thread_id)s FOR UPDATE"
# Unless the run may wait, nothing is stored for a thread that another run holds or waits for.
ADD = """
    INSERT INTO controller.runs
        (id, thread_id, user_id, caller, idempotency_key, message, model, urgent, deadline_s, max_model_calls,
         budget_usd, tells_of, status, awaits_worker)
    SELECT %(id)s, %(thread_id)s, %(user_id)s, %(caller)s, %(idempotency_key)s, %(message)s, %(model)s, %(urgent)s,
           %(deadline_s)s, %(max_model_calls)s, %(budget_usd)s, %(tells_of)s, 'queued', true
    WHERE %(may_wait)s OR NOT EXISTS (
        SELECT FROM controller.thread_leases
        WHERE thread_id = %(thread_id)s
        UNION ALL
        SELECT FROM controller.runs
        WHERE thread_id = %(thread_id)s AND status = 'queued')
    RETURNING id"""
HAND_OVER = """
    UPDATE controller.runs
    SET awaits_worker = false
    WHERE id = %(id)s AND status = 'queued'
    RETURNING thread_id"""


class Background:
    """The runs that wait for a worker."""

    def __init__(self, pool: Pool, jobs: Jobs, leases: Leases) -> None:
        """`pool` connects with the controller's role."""
        self._pool = pool
        self._jobs = jobs
        self._leases = leases

    async def add(self, run: NewRun, *, may_wait: bool, urgent: bool) -> Literal["queued"] | None:
        """Store the run and its job (and its thread if new); None, and nothing stored, if it would have to wait."""
        async with self._pool.connection() as connection:
            return await self.add_in(connection, run, may_wait=may_wait, urgent=urgent)

    async def add_in(
        self, connection: AsyncDictConnection, run: NewRun, *, may_wait: bool, urgent: bool
    ) -> Literal["queued"] | None:
        """The same as part of a transaction; a failure undoes this part of it only."""
        values = {**vars(run), "may_wait": may_wait, "urgent": urgent}
        async with connection.transaction():
            await connection.execute(ADD_THREAD, values)
            await connection.execute(LOCK_THREAD, values)
            if await (await connection.execute(ADD, values)).fetchone() is None:
                return None
            await self._jobs.defer(connection, run.id)
        return "queued"

    async def take(self, run_id: UUID) -> NewRun | None:
        """A hand is free for this run: whichever run comes first on its thread, if that is free; held here from now on.

        In one transaction, else whoever looks for free threads would begin it in between, wherever that is.
        """
        async with self._pool.connection() as connection, connection.transaction():
            row = await (await connection.execute(HAND_OVER, {"id": run_id})).fetchone()
            return None if row is None else await self._leases.claim_in(connection, row["thread_id"])
