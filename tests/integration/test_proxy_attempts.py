"""What the provider refuses before a model began is asked for again, and whatever may have been billed is not."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import aiohttp
import openai
import pytest

from pilothouse.errors import IncompleteAnswerError, PilothouseError
from pilothouse.models import ModelClient
from tests.fixtures.ledger import Ledger
from tests.fixtures.models import ask
from tests.fixtures.openrouter_twin import OpenRouterTwin
from tests.fixtures.proxy import JSON, Provider, Proxy
from tests.fixtures.spend import Spending
from tests.fixtures.waiting import until

PLAIN: dict[str, Any] = {
    "id": "gen-1",
    "model": "some/model",
    "provider": "Some",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 3, "cost": 0.5},
}


async def test_an_answer_after_refusals_is_one_row_that_counts_the_attempts(
    provided_proxy: Proxy, provider: Provider, provided_ledger: Ledger, session: aiohttp.ClientSession
) -> None:
    provider.refusals = [(502, {}), (429, {"Retry-After": "0"})]
    provider.pieces = [json.dumps(PLAIN).encode()]

    async with await provided_proxy.ask(session) as answer:
        assert (answer.status, await answer.json()) == (200, PLAIN)
        told = answer.headers

    [row] = await provided_ledger.completed(1)
    assert (row["status"], row["cost_usd"], row["attempts"], row["error"]) == ("settled", Decimal("0.5"), 3, None)
    assert provider.asked == 3
    assert told["X-Pilothouse-Attempts"] == "3"
    assert told["X-Pilothouse-Ledger"] == str(row["id"])
    assert told["X-Pilothouse-Asked-Model"] == "some/model"
    assert (told["X-Pilothouse-Served-Model"], told["X-Pilothouse-Provider"]) == ("some/model", "Some")
    assert Decimal(told["X-Pilothouse-Cost-Usd"]) == Decimal("0.5")
    assert int(told["X-Pilothouse-Latency-Ms"]) >= 0


@pytest.mark.parametrize(
    ("model_id", "attempts"),
    [
        ("twin/400", 1),
        ("twin/401", 1),
        ("twin/402", 1),
        ("twin/402:openrouter_key_limit", 1),
        ("twin/402:openrouter_in_flight_budget", 3),
        ("twin/403", 1),
        ("twin/408", 3),
        ("twin/429:0", 3),
        ("twin/429:none", 3),
        ("twin/429:3600", 1),
        ("twin/502", 3),
        ("twin/503:0", 3),
    ],
)
async def test_each_refusal_is_asked_for_as_often_as_the_error_table_says_and_costs_nothing(
    model: ModelClient, ledger: Ledger, unbilled_twin: OpenRouterTwin, *, model_id: str, attempts: int
) -> None:
    with pytest.raises(PilothouseError) as raised:
        await model.complete(ask(model_id), lambda _: None)

    [row] = await ledger.completed(1)
    assert (row["status"], row["attempts"]) == ("failed", attempts)
    assert raised.value.hint
    assert unbilled_twin.billed() == []


@pytest.mark.parametrize("model_id", ["twin/error-mid-stream", "twin/dropped", "twin/garbage", "twin/truncated"])
async def test_an_answer_that_began_is_never_asked_for_again(
    model: ModelClient, ledger: Ledger, unbilled_twin: OpenRouterTwin, model_id: str
) -> None:
    with pytest.raises(PilothouseError):
        await model.complete(ask(model_id), lambda _: None)

    [row] = await ledger.completed(1)
    assert row["attempts"] == 1
    assert len(unbilled_twin.billed()) == 1


@pytest.mark.parametrize("page", [b"<html>Bad gateway</html>", b"", b'"down"', b'{"detail": "down"}'])
@pytest.mark.parametrize("status", [502, 503])
async def test_a_gateways_own_page_is_not_asked_for_again_because_the_provider_may_have_billed(
    provided_proxy: Proxy,
    provider: Provider,
    provided_ledger: Ledger,
    session: aiohttp.ClientSession,
    *,
    status: int,
    page: bytes,
) -> None:
    provider.status, provider.pieces = status, [page]

    async with await provided_proxy.ask(session) as answer:
        error = (await answer.json())["error"]

    assert (answer.status, error["metadata"]["reason"]) == (406, "gateway")
    assert str(status) in error["message"]
    [row] = await provided_ledger.completed(1)
    assert (row["status"], row["attempts"], provider.asked) == ("open", 1, 1)


async def test_a_provider_that_hangs_up_is_not_asked_again_by_anybody(
    provided_proxy: Proxy, provider: Provider, provided_ledger: Ledger
) -> None:
    provider.hangs_up = True
    async with openai.AsyncOpenAI(base_url=f"{provided_proxy.url}/v1", api_key=provided_proxy.key) as persistent:
        with pytest.raises(openai.APIStatusError, match="provider failed"):
            await persistent.chat.completions.create(model="some/model", messages=[])

    [row] = await provided_ledger.completed(1)
    assert (row["status"], row["attempts"], provider.asked) == ("open", 1, 1)


async def test_an_unanswered_attempt_is_not_settled_by_the_record_of_one_that_was_refused(
    provided_proxy: Proxy, provider: Provider, provided_ledger: Ledger, session: aiohttp.ClientSession
) -> None:
    provider.refusals = [(503, {"Retry-After": "0", "X-Generation-Id": "gen-refused"})]
    provider.hangs_up = True

    async with await provided_proxy.ask(session) as answer:
        assert answer.status == 406

    [row] = await provided_ledger.completed(1)
    assert (row["status"], row["attempts"], row["generation_id"]) == ("open", 2, None)
    assert (answer.headers["X-Pilothouse-Ledger"], answer.headers["X-Pilothouse-Attempts"]) == (str(row["id"]), "2")


async def test_openais_client_does_not_repeat_what_the_proxy_repeated(
    proxy: Proxy, ledger: Ledger, unbilled_twin: OpenRouterTwin
) -> None:
    async with openai.AsyncOpenAI(base_url=f"{proxy.url}/v1", api_key=proxy.key) as persistent:
        with pytest.raises(openai.InternalServerError):
            await persistent.chat.completions.create(model="twin/502", messages=[{"role": "user", "content": "Hi"}])

    [row] = await ledger.completed(1)
    assert row["attempts"] == 3
    assert unbilled_twin.billed() == []


async def test_a_client_that_leaves_between_two_attempts_owes_nothing(
    provided_proxy: Proxy, provider: Provider, provided_ledger: Ledger, session: aiohttp.ClientSession
) -> None:
    provider.refusals = [(429, {"Retry-After": "30"})]
    call = asyncio.create_task(provided_proxy.ask(session))
    await until(lambda: not provider.refusals)
    await until(lambda: "model.retried" in provided_proxy.server.log.read_text())

    call.cancel()

    [row] = await provided_ledger.completed(1)
    assert (row["status"], row["attempts"]) == ("failed", 1)
    assert "left" in row["error"]
    assert provider.asked == 1


async def test_what_stops_everybody_is_one_line_for_the_owner_without_key_or_content(
    model: ModelClient, ledger: Ledger, proxy: Proxy
) -> None:
    with pytest.raises(PilothouseError, match="credits"):
        await model.complete(ask("twin/402", content="a private question"), lambda _: None)

    await ledger.completed(1)
    lines = [json.loads(line) for line in proxy.server.log.read_text().splitlines() if "model.stopped" in line]
    assert (lines[-1]["status"], lines[-1]["limit_source"]) == (402, "openrouter_credits")
    assert "money" in lines[-1]["reason"]
    assert "private" not in str(lines)
    assert "sk-or-v1" not in str(lines)


def test_the_owner_sees_why_the_provider_stopped_until_a_call_is_answered_again(spending: Spending) -> None:
    spending.ask(spending.proxy.key, "twin/402:openrouter_key_limit")
    stopped = spending.owner("GET", "/status")["provider"]["stopped"]
    spending.ask(spending.proxy.key)

    assert (stopped["status"], stopped["limit_source"]) == (402, "openrouter_key_limit")
    assert "money" in stopped["reason"]
    assert spending.owner("GET", "/status")["provider"]["stopped"] is None


@pytest.mark.parametrize("name", ["mod\u00e9l", "a\r\nX-Injected: 1"])
async def test_a_model_name_that_is_no_header_costs_no_answer(
    provided_proxy: Proxy, provider: Provider, session: aiohttp.ClientSession, name: str
) -> None:
    provider.headers, provider.pieces = JSON, [json.dumps(PLAIN).encode()]

    async with await provided_proxy.ask(session, body={"model": name}) as answer:
        assert (answer.status, await answer.json()) == (200, PLAIN)
        assert "X-Injected" not in answer.headers
        assert "X-Pilothouse-Asked-Model" not in answer.headers


async def test_the_model_client_says_how_often_the_provider_was_asked(
    provided_proxy: Proxy, provider: Provider, session: aiohttp.ClientSession
) -> None:
    chunk = {**PLAIN, "choices": [{"index": 0, "delta": {"content": "Yes."}, "finish_reason": "stop"}]}
    provider.refusals = [(503, {"Retry-After": "0"})]
    provider.headers = {"Content-Type": "text/event-stream"}
    provider.pieces = [b"data: " + json.dumps(chunk).encode() + b"\n\ndata: [DONE]\n\n"]
    client = ModelClient(session=session, url=provided_proxy.url, key=provided_proxy.key)

    answer = await client.complete(ask("some/model"), lambda _: None)

    assert answer.usage.attempts == 2
    assert (answer.usage.served_model, answer.usage.provider) == ("some/model", "Some")


async def test_a_person_is_told_that_an_unanswered_call_may_have_been_billed(
    provided_proxy: Proxy, provider: Provider, session: aiohttp.ClientSession
) -> None:
    provider.hangs_up = True
    client = ModelClient(session=session, url=provided_proxy.url, key=provided_proxy.key)

    with pytest.raises(IncompleteAnswerError) as raised:
        await client.complete(ask("some/model"), lambda _: None)

    assert "may cost again" in raised.value.hint
    assert provider.asked == 1
