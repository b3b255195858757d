"""What serves jobs outlives PostgreSQL, and ends when told to even while PostgreSQL is away."""

import asyncio
from uuid import UUID, uuid4

import pytest

from agents.jobs import Jobs
from pilothouse.db import make_pool, migrate
from stack.postgres import stop
from stack.roles import NAMES, ensure_roles, role_url
from tests.fixtures.cluster import OwnServer
from tests.fixtures.waiting import until

PASSWORD = "only for this test"


@pytest.mark.timeout(120)
async def test_jobs_go_on_after_an_outage_and_end_during_one(own_server: OwnServer) -> None:
    server = own_server.start_with_database()
    ensure_roles(own_server.url(), passwords=dict.fromkeys(NAMES, PASSWORD))
    migrate(own_server.url())
    url = role_url(own_server.url(), name="controller", password=PASSWORD)
    jobs, done, before, after = Jobs(url), list[UUID](), uuid4(), uuid4()

    async def execute(run_id: UUID) -> None:
        done.append(run_id)

    async def add(run_id: UUID) -> None:
        async with make_pool(url) as pool, pool.connection() as connection:
            await jobs.defer(connection, run_id)

    serving = asyncio.create_task(jobs.serve(execute, at_once=1))
    await add(before)
    await until(lambda: done == [before])
    stop(server)
    server = own_server.start()
    await add(after)
    await until(lambda: done == [before, after], timeout_s=60)
    stop(server)
    serving.cancel()
    await asyncio.wait([serving], timeout=60)

    assert serving.cancelled()
