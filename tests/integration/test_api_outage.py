"""PostgreSQL is away: every request is told so soon, as documented, and all is well once it is back."""

import asyncio

import httpx
import psycopg
import pytest

from agents.eventlog import StoredEvent
from api.sse import stream
from pilothouse.db import AdvisoryLock, connect
from stack.postgres import stop
from tests.fixtures.cluster import OwnServer
from tests.fixtures.controller import StartController
from tests.fixtures.outage import start_alone
from tests.fixtures.postgres import DatabaseUrls
from tests.fixtures.processes import Launcher
from tests.fixtures.waiting import until

pytestmark = pytest.mark.timeout(180)

WAITING = """
    SELECT pid
    FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event = 'advisory'"""
CUT_WAITING = f"SELECT pg_terminate_backend(pid) FROM ({WAITING}) AS waiting"  # noqa: S608 -- our own constant


async def test_without_the_database_a_request_is_refused_with_503_and_one_line_of_log(
    own_server: OwnServer, own_launcher: Launcher
) -> None:
    database = own_server.start_with_database()
    alone = start_alone(own_launcher, own_server)
    async with alone.client() as http:
        before = await http.get("/api/runs")

        stop(database)
        refused = [await http.get("/api/runs"), await http.post("/api/chat", json={"message": "Hello"})]
        own_server.start()
        after = await http.get("/api/runs")

    assert (before.status_code, after.status_code) == (200, 200)
    for each in refused:
        assert each.status_code == 503
        assert each.json()["error"]["code"] == "unavailable"
        assert "postgres" in each.json()["error"]["hint"]
    log = alone.server.log.read_text()
    assert log.count("database.unreachable") == len(refused)
    assert "Traceback" not in log


async def test_a_process_whose_connection_breaks_off_while_it_starts_starts_all_the_same(
    start_own_controller: StartController, database_urls: DatabaseUrls
) -> None:
    with connect(database_urls.admin) as other:
        other.execute(
            "SELECT pg_advisory_lock(%s)", (AdvisoryLock.CHECKPOINT_TABLES,)
        )  # as another process that sets up the tables
        starting = asyncio.create_task(asyncio.to_thread(start_own_controller, "pilothouse/rehearsal"))
        await until(lambda: bool(other.execute(CUT_WAITING).fetchall()), timeout_s=60)
        await until(lambda: bool(other.execute(WAITING).fetchall()))
    controller = await starting

    assert "Traceback" not in controller.server.log.read_text()


async def test_readiness_says_that_the_database_is_down_and_tells_a_stranger_nothing_of_the_rest(
    own_server: OwnServer, own_launcher: Launcher
) -> None:
    database = own_server.start_with_database()
    alone = start_alone(own_launcher, own_server)
    stop(database)

    async with alone.client() as http:
        ready = await http.get("/health/ready")
    async with httpx.AsyncClient(base_url=alone.server.url) as stranger:
        without_key = await stranger.get("/health/ready")

    assert ready.status_code == 503
    assert ready.json()["status"] == "down"
    assert [(each["name"], each["state"]) for each in ready.json()["dependencies"]] == [("postgres", "down")]
    assert without_key.status_code == 401


async def test_a_stream_that_loses_the_database_ends_after_what_it_has_told() -> None:
    async def told():  # noqa: ANN202 -- a batch, then the outage
        yield [StoredEvent(number=7, type="message.delta", data="{}")]
        raise psycopg.OperationalError("the connection is closed")

    sent = [block async for block in stream(told())]

    assert sent == [b"id: 7\nevent: message.delta\ndata: {}\n\n"]
