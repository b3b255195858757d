"""Whoever leaves, client or proxy, and whenever: the row says how the call ended, and how to look it up."""

import asyncio
import signal
from random import Random

import aiohttp
import pytest

from pilothouse.errors import PilothouseError
from pilothouse.models import ModelClient
from tests.fixtures.ledger import Ledger
from tests.fixtures.models import ask
from tests.fixtures.openrouter_twin import OpenRouterTwin
from tests.fixtures.postgres import DatabaseUrls
from tests.fixtures.processes import Launcher
from tests.fixtures.proxy import Provider, Proxy, start_proxy
from tests.fixtures.waiting import until

EVENTS = {"Content-Type": "text/event-stream", "X-Generation-Id": "gen-1"}
WHOLE = EVENTS | {"Content-Type": "application/json"}
BEGIN = b'data: {"id": "gen-1", "model": "some/model", "choices": []}\n\n'
END = b'data: {"id": "gen-1", "choices": [], "usage": {"cost": 0.5}}\n\n'
LONG = b" " * 20_000_000  # more than sockets hold: once it is sent, the proxy has read the headers


async def test_a_client_that_leaves_before_the_answer_began_stops_the_call_and_leaves_it_open(
    model: ModelClient, ledger: Ledger, openrouter_twin: OpenRouterTwin
) -> None:
    call = asyncio.create_task(model.complete(ask("twin/slow:30"), lambda _: None))
    await until(lambda: openrouter_twin.in_flight() > 0)

    call.cancel()

    await until(lambda: openrouter_twin.in_flight() == 0)
    [row] = await ledger.completed(1)
    assert (row["status"], row["cost_usd"]) == ("open", None)
    assert "left" in row["error"]


@pytest.mark.parametrize("pieces", [[], [BEGIN]])
async def test_a_stream_whose_client_leaves_can_be_looked_up(
    provided_proxy: Proxy,
    provider: Provider,
    provided_ledger: Ledger,
    session: aiohttp.ClientSession,
    pieces: list[bytes],
) -> None:
    provider.headers, provider.pieces = EVENTS, pieces
    provider.may_end.clear()
    answer = await provided_proxy.ask(session)

    answer.close()

    [row] = await provided_ledger.completed(1)
    assert (row["status"], row["cost_usd"], row["generation_id"]) == ("open", None, "gen-1")
    assert "left" in row["error"]


async def test_an_unstreamed_answer_whose_client_leaves_can_be_looked_up(
    provided_proxy: Proxy, provider: Provider, provided_ledger: Ledger, session: aiohttp.ClientSession
) -> None:
    provider.headers, provider.pieces = WHOLE, [LONG]
    provider.may_end.clear()
    asking = asyncio.create_task(provided_proxy.ask(session))
    await until(lambda: provider.sent == 1)

    asking.cancel()

    [row] = await provided_ledger.completed(1)
    assert (row["status"], row["cost_usd"], row["generation_id"]) == ("open", None, "gen-1")
    assert "left" in row["error"]


async def test_a_client_that_leaves_once_the_cost_is_known_leaves_a_settled_row_without_an_error(
    provided_proxy: Proxy, provider: Provider, provided_ledger: Ledger, session: aiohttp.ClientSession
) -> None:
    provider.headers, provider.pieces = EVENTS, [BEGIN, END]
    provider.may_end.clear()
    answer = await provided_proxy.ask(session)
    await answer.content.readuntil(b"0.5}}\n\n")

    answer.close()

    [row] = await provided_ledger.completed(1)
    assert (row["status"], row["error"]) == ("settled", None)


@pytest.mark.parametrize("headers", [EVENTS, WHOLE])
async def test_at_whatever_moment_a_client_leaves_its_row_says_how_the_call_ended(
    provided_proxy: Proxy, provider: Provider, provided_ledger: Ledger, headers: dict[str, str]
) -> None:
    provider.headers, provider.pieces = headers, [BEGIN]
    provider.may_end.clear()
    random = Random(1)  # noqa: S311 -- repeatable on purpose

    for _ in range(60):
        await provided_proxy.ask_and_leave(after_s=random.uniform(0.001, 0.015))

    rows = await provided_ledger.completed(provider.asked)
    assert provider.asked > 0
    assert {row["status"] for row in rows} <= {"open", "failed"}
    assert all(row["error"] for row in rows)


async def test_a_proxy_that_is_stopped_completes_its_rows_first(
    own_launcher: Launcher,
    database_urls: DatabaseUrls,
    unbilled_twin: OpenRouterTwin,
    session: aiohttp.ClientSession,
) -> None:
    proxy = start_proxy(
        own_launcher,
        database_url=database_urls.proxy,
        upstream_url=unbilled_twin.base_url,
        upstream_key=unbilled_twin.key,
    )
    client = ModelClient(session=session, url=proxy.url, key=proxy.key)
    call = asyncio.create_task(client.complete(ask("twin/slow:30"), lambda _: None))
    await until(lambda: unbilled_twin.in_flight() > 0)

    proxy.server.process.send_signal(signal.SIGTERM)
    await until(lambda: proxy.server.process.poll() is not None)

    [row] = await Ledger(database_urls.admin).rows()
    assert row["status"] == "open"
    assert row["error"]
    with pytest.raises(PilothouseError):
        await call
