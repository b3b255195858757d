"""Nothing odd in a whole answer keeps it from its client, and nothing at all its cost from the ledger."""

import json
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from pilothouse.db import connect
from tests.fixtures.ledger import Ledger
from tests.fixtures.openrouter_twin import OpenRouterTwin
from tests.fixtures.postgres import DatabaseUrls
from tests.fixtures.processes import Launcher
from tests.fixtures.proxy import JSON, PRICE, Provider, Proxy, start_proxy
from tests.fixtures.waiting import until

EVENTS = {"Content-Type": "text/event-stream"}
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "cost": 0.5}
SAID = {"message": {"content": "yes"}, "delta": {"content": "yes"}, "finish_reason": "stop"}
PLAIN: dict[str, Any] = {"id": "gen-1", "model": "some/model", "provider": "Some", "choices": [SAID], "usage": USAGE}
BEGIN = b'data: {"id": "gen-1", "model": "some/model", "choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'
END = b'{"id": "gen-1", "usage": {"cost": 0.5}}'


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("odd", "column", "kept"),
    [
        ({"provider": "So\0me"}, "provider", "Some"),
        ({"provider": "\ud800Some"}, "provider", "?Some"),
        ({"provider": ["Some"]}, "provider", None),
        ({"model": "m" * 100_000}, "served_model", "m" * 200),
        ({"id": "\0"}, "generation_id", None),
        ({"usage": USAGE | {"prompt_tokens": 99_999_999_999}}, "prompt_tokens", None),
        ({"usage": USAGE | {"prompt_tokens": -1}}, "prompt_tokens", None),
        ({"usage": USAGE | {"completion_tokens": True}}, "completion_tokens", None),
    ],
)
async def test_an_odd_value_costs_neither_the_answer_nor_its_cost(
    provided_proxy: Proxy,
    provider: Provider,
    provided_ledger: Ledger,
    session: aiohttp.ClientSession,
    *,
    odd: dict[str, Any],
    column: str,
    kept: str | None,
    streamed: bool,
) -> None:
    sent = json.dumps(PLAIN | odd).encode()
    provider.headers = EVENTS if streamed else JSON
    provider.pieces = [b"data: ", sent, b"\n\n"] if streamed else [sent]

    async with await provided_proxy.ask(session) as answer:
        assert (answer.status, await answer.read()) == (200, b"".join(provider.pieces))

    [row] = await provided_ledger.completed(1)
    assert (row["status"], row["cost_usd"], row[column]) == ("settled", Decimal("0.5"), kept)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("error", "kept"),
    [
        ({"message": "half\0way"}, "the provider failed"),
        ({"message": "half\ud800way", "code": "half\ud800way"}, "the provider failed"),
        ("in words", "the provider failed"),
        ({"code": 502, "metadata": {"error_type": "provider_down"}}, "the provider failed: 502 provider_down"),
        ([1], "the provider failed"),
    ],
)
async def test_an_odd_error_is_an_error_and_its_cost_is_kept(
    provided_proxy: Proxy,
    provider: Provider,
    provided_ledger: Ledger,
    session: aiohttp.ClientSession,
    *,
    error: Any,
    kept: str,
    streamed: bool,
) -> None:
    sent = json.dumps(PLAIN | {"error": error}).encode()
    provider.headers = EVENTS if streamed else JSON
    provider.pieces = [b"data: ", sent, b"\n\n"] if streamed else [sent]

    async with await provided_proxy.ask(session) as answer:
        told = (await answer.read()).strip().removeprefix(b"data: ")
    assert answer.status == (200 if streamed else 406)
    assert json.loads(told)["error"]["metadata"]["reason"] == "provider_error"

    [row] = await provided_ledger.completed(1)
    assert (row["status"], row["cost_usd"], row["error"]) == ("settled", Decimal("0.5"), kept)


@pytest.mark.parametrize("cost", ["1e999999", "1e-99999", "-0.5", '"0.5"', "true", "NaN", "null"])
async def test_a_cost_that_is_none_is_made_of_the_tokens_and_the_stated_price(
    provided_proxy: Proxy, provider: Provider, provided_ledger: Ledger, session: aiohttp.ClientSession, cost: str
) -> None:
    provider.pieces = [json.dumps(PLAIN).replace('"cost": 0.5', f'"cost": {cost}').encode()]

    async with await provided_proxy.ask(session) as answer:
        assert (answer.status, await answer.read()) == (200, provider.pieces[0])

    [row] = await provided_ledger.completed(1)
    stated = 7 * Decimal(PRICE["prompt"]) + 3 * Decimal(PRICE["completion"])
    assert (row["status"], row["cost_usd"]) == ("settled", stated)


async def test_usage_that_nobody_can_read_leaves_the_row_open(
    provided_proxy: Proxy, provider: Provider, provided_ledger: Ledger, session: aiohttp.ClientSession
) -> None:
    provider.pieces = [json.dumps(PLAIN).replace('"cost": 0.5', '"cost": 1e9999999999999999999').encode()]

    async with await provided_proxy.ask(session) as answer:
        assert (answer.status, await answer.read()) == (200, provider.pieces[0])

    [row] = await provided_ledger.completed(1)
    assert (row["status"], row["cost_usd"]) == ("open", None)


@pytest.mark.parametrize(
    "pieces",
    [
        [BEGIN, b"data: " + END],
        [BEGIN, b"data:" + END + b"\n\n"],
        [BEGIN, b"data:" + END],
        [BEGIN.replace(b"\n", b"\r\n"), b"data: " + END + b"\r\n\r\n"],
        [BEGIN, b"da", b"ta: {", END[1:] + b"\n", b"\n"],
        [BEGIN, b"data: [DONE]\n\ndata: " + END + b"\n\n"],
        [BEGIN, b"data: {" + b" " * 1_500_000 + b"}\n\n", b"data: " + END + b"\n\n"],
    ],
    ids=["no last newline", "no space", "neither", "CRLF", "split anywhere", "after the end", "after a huge line"],
)
async def test_the_cost_is_read_however_the_stream_is_written(
    provided_proxy: Proxy,
    provider: Provider,
    provided_ledger: Ledger,
    session: aiohttp.ClientSession,
    pieces: list[bytes],
) -> None:
    provider.headers, provider.pieces = EVENTS, pieces

    async with await provided_proxy.ask(session) as answer:
        assert (await answer.read()).rstrip() == b"".join(pieces).rstrip()

    [row] = await provided_ledger.completed(1)
    assert (row["status"], row["cost_usd"], row["error"]) == ("settled", Decimal("0.5"), None)
    assert (row["generation_id"], row["served_model"]) == ("gen-1", "some/model")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'"text"', b'{"half": ', b"\xff\xfe", b"[" * 100_000])
async def test_an_answer_that_is_no_json_object_is_an_error_and_stays_open(
    provided_proxy: Proxy, provider: Provider, provided_ledger: Ledger, session: aiohttp.ClientSession, body: bytes
) -> None:
    provider.headers, provider.pieces = JSON | {"X-Generation-Id": "gen-1"}, [body]

    async with await provided_proxy.ask(session) as answer:
        told = (await answer.json())["error"]
    assert (answer.status, told["code"], told["metadata"]["reason"]) == (406, 406, "unreadable")
    assert answer.headers["X-Generation-Id"] == "gen-1"

    [row] = await provided_ledger.completed(1)
    assert (row["status"], row["cost_usd"], row["generation_id"]) == ("open", None, "gen-1")
    assert "JSON" in row["error"]


@pytest.mark.parametrize("name", ["X-Generation-Id", "Retry-After", "Content-Security-Policy"])
@pytest.mark.parametrize("value", ["x" * 40_000, "g\u00e9n \u2026", ""], ids=["huge", "not ASCII", "empty"])
async def test_a_providers_odd_header_does_not_cost_the_answer(
    provided_proxy: Proxy,
    provider: Provider,
    provided_ledger: Ledger,
    session: aiohttp.ClientSession,
    *,
    name: str,
    value: str,
) -> None:
    provider.headers, provider.pieces = JSON | {name: value}, [json.dumps(PLAIN).encode()]

    async with await provided_proxy.ask(session) as answer:
        assert (answer.status, await answer.read()) == (200, provider.pieces[0])
        assert name not in answer.headers

    [row] = await provided_ledger.completed(1)
    assert (row["status"], row["cost_usd"]) == ("settled", Decimal("0.5"))


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_paid_answer_is_passed_on_though_the_ledger_went_away_meanwhile(
    own_launcher: Launcher,
    database_urls: DatabaseUrls,
    unbilled_twin: OpenRouterTwin,
    session: aiohttp.ClientSession,
    *,
    streamed: bool,
) -> None:
    proxy = start_proxy(
        own_launcher,
        database_url=database_urls.proxy,
        upstream_url=unbilled_twin.base_url,
        upstream_key=unbilled_twin.key,
    )
    with connect(database_urls.admin) as connection:
        connection.execute("REVOKE UPDATE ON proxy.ledger FROM pilothouse_proxy")

    messages = [{"role": "user", "content": "Tell me a joke"}]
    body = {"model": "pilothouse/rehearsal", "messages": messages, "stream": streamed}
    async with await proxy.ask(session, body=body) as answer:
        assert answer.status == 200
        assert b'"usage"' in await answer.read()

    [row] = await Ledger(database_urls.admin).rows()
    [billed] = unbilled_twin.billed()
    assert row["status"] == "open"
    await until(lambda: billed["generation_id"] in proxy.server.log.read_text())
    assert f'"cost_usd": "{billed["cost_usd"]}"' in proxy.server.log.read_text()


@pytest.mark.parametrize("name", ["n" * 201, "n" * 300_000, "no\0de", ""])
async def test_a_name_that_fits_no_row_is_refused_and_not_called_an_outage(
    provided_proxy: Proxy, provider: Provider, provided_ledger: Ledger, session: aiohttp.ClientSession, name: str
) -> None:
    async with await provided_proxy.ask(session, body={"model": name}) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (422, 422)

    assert await provided_ledger.rows() == []
    assert provider.asked == 0


@pytest.mark.parametrize("length", [201, 30_000])
async def test_a_node_that_is_no_name_is_refused(
    provided_proxy: Proxy, provided_ledger: Ledger, session: aiohttp.ClientSession, length: int
) -> None:
    async with await provided_proxy.ask(session, node="n" * length) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (422, 422)

    assert await provided_ledger.rows() == []
