"""The real proxy between a client and the twin, with its ledger in the real PostgreSQL."""

import time
from decimal import Decimal

import aiohttp
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from pilothouse.db import connect
from pilothouse.errors import UnavailableError
from pilothouse.models import ModelClient
from tests.fixtures.ledger import Ledger
from tests.fixtures.models import ask
from tests.fixtures.openrouter_twin import OpenRouterTwin
from tests.fixtures.postgres import DatabaseUrls
from tests.fixtures.processes import Launcher
from tests.fixtures.proxy import Proxy, start_proxy

MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Tell me a joke"}]


async def test_each_call_is_one_settled_row_with_what_the_provider_billed(
    model: ModelClient, ledger: Ledger, unbilled_twin: OpenRouterTwin
) -> None:
    await model.complete(ask("openai/gpt-4.1-mini"), lambda _: None)

    [row] = await ledger.settled(1)
    [billed] = unbilled_twin.billed()
    assert row["status"] == "settled"
    assert row["cost_usd"] == Decimal(billed["cost_usd"])
    assert row["generation_id"] == billed["generation_id"]
    assert (row["caller"], row["node"]) == ("controller", "think")
    assert str(row["run_id"]) == ask("x").run_id
    assert row["provider"]
    assert row["latency_ms"] >= 0


async def test_an_unstreamed_call_is_recorded_too(
    openai_client: openai.AsyncOpenAI, ledger: Ledger, unbilled_twin: OpenRouterTwin
) -> None:
    await openai_client.chat.completions.create(model="pilothouse/rehearsal", messages=MESSAGES)

    [row] = await ledger.settled(1)
    assert row["cost_usd"] == unbilled_twin.total_usd()


async def test_embeddings_are_recorded_too(
    openai_client: openai.AsyncOpenAI, ledger: Ledger, unbilled_twin: OpenRouterTwin
) -> None:
    await openai_client.embeddings.create(model="openai/text-embedding-3-small", input="three open trades")

    [row] = await ledger.settled(1)
    assert row["route"] == "/embeddings"
    assert row["cost_usd"] == unbilled_twin.total_usd()


async def test_words_pass_through_before_the_answer_is_complete(model: ModelClient) -> None:
    arrivals: list[float] = []

    await model.complete(ask("twin/trickle:0.1", content="Tell me a joke"), lambda _: arrivals.append(time.monotonic()))

    assert arrivals[-1] - arrivals[0] > 0.1


@pytest.mark.parametrize("key", ["x", "ph_wrong", "sk-or-v1-invented"])
async def test_a_key_that_nobody_holds_calls_nothing(
    openai_client: openai.AsyncOpenAI, ledger: Ledger, key: str
) -> None:
    stranger = openai_client.with_options(api_key=key)

    with pytest.raises(openai.AuthenticationError, match="key"):
        await stranger.chat.completions.create(model="pilothouse/rehearsal", messages=MESSAGES)

    assert await ledger.rows() == []


async def test_the_providers_key_never_comes_back(proxy: Proxy, session: aiohttp.ClientSession) -> None:
    headers = {"Authorization": f"Bearer {proxy.key}"}
    async with session.get(f"{proxy.url}/v1/key", headers=headers) as response:
        answer = await response.text()

    assert response.status == 200
    assert "sk-or-v1-invented" not in answer
    assert "sk-or-v1-invented" not in str(response.headers)


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'{"model": 7}', b"\xff\xfe"])
async def test_a_body_that_is_no_request_is_refused_with_a_hint(
    proxy: Proxy, session: aiohttp.ClientSession, body: bytes
) -> None:
    headers = {"Authorization": f"Bearer {proxy.key}"}
    async with session.post(f"{proxy.url}/v1/chat/completions", data=body, headers=headers) as response:
        error = (await response.json())["error"]

    assert response.status == 422
    assert error["metadata"]["hint"]


async def test_without_its_ledger_no_model_is_called(
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
    with connect(database_urls.admin) as connection:
        connection.execute("REVOKE INSERT ON proxy.ledger FROM pilothouse_proxy")
    client = ModelClient(session=session, url=proxy.url, key=proxy.key)

    with pytest.raises(UnavailableError, match="ledger"):
        await client.complete(ask("pilothouse/rehearsal"), lambda _: None)

    assert unbilled_twin.billed() == []
