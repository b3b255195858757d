"""What has no price is not asked; what a provider does not price is priced from its usage, or from the owner's word."""

import json
from decimal import Decimal
from typing import Any

import aiohttp
import httpx
import pytest

from tests.fixtures.controller import Controller
from tests.fixtures.ledger import Ledger
from tests.fixtures.proxy import PRICE, Provider, Proxy
from tests.fixtures.purse import JOKE, Purse, ask

ANSWER = {
    "id": "gen-1",
    "model": "some/model",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 3},
}


async def test_a_model_without_a_price_is_not_asked(purse: Purse, session: aiohttp.ClientSession) -> None:
    proxy = purse.start(PILOTHOUSE_PRICES="")

    reply = await ask(proxy, session, {**JOKE, "model": "nobody/knows-this-model"})

    assert (reply.status, reply.limit_source) == (402, "pilothouse_unknown_price")
    assert "PILOTHOUSE_PRICES" in reply.body["error"]["metadata"]["hint"]


@pytest.mark.parametrize("more", [{"plugins": [{"id": "web"}]}, {"models": ["openai/gpt-4.1-mini"]}])
async def test_what_may_cost_extra_is_not_asked(
    purse: Purse, session: aiohttp.ClientSession, *, more: dict[str, Any]
) -> None:
    reply = await ask(purse.start(), session, {**JOKE, **more})

    assert reply.status == 400
    assert next(iter(more)) in reply.body["error"]["message"]
    assert purse.twin.billed() == []


async def test_a_provider_that_names_no_cost_is_charged_by_the_owners_price(
    provided_proxy: Proxy, provider: Provider, provided_ledger: Ledger, session: aiohttp.ClientSession
) -> None:
    provider.pieces = [json.dumps(ANSWER).encode()]

    async with await provided_proxy.ask(session) as answer:
        assert answer.status == 200

    [row] = await provided_ledger.settled(1)
    assert row["cost_usd"] == 7 * Decimal(PRICE["prompt"]) + 3 * Decimal(PRICE["completion"])


async def test_what_is_sent_has_a_limit_of_tokens_whoever_asks(
    provided_proxy: Proxy, provider: Provider, provided_ledger: Ledger, session: aiohttp.ClientSession
) -> None:
    provider.pieces = [json.dumps(ANSWER).encode()]

    async with await provided_proxy.ask(session) as answer:
        await answer.read()

    assert provider.received[-1]["max_tokens"] == 4096
    await provided_ledger.settled(1)


async def test_a_run_with_too_small_a_budget_says_so_before_anything_is_spent(
    controller: Controller, http: httpx.AsyncClient
) -> None:
    reply = await http.post("/api/chat", json={"message": "hi", "budget_usd": "0.00001"})

    error = reply.json()["error"]
    assert reply.status_code == 403
    assert "of this run has 0.00001 USD left" in error["message"]
    assert "allow the run more" in error["hint"]
    [row] = [each for each in controller.run_rows() if each["budget_usd"] == Decimal("0.00001")]
    assert row["cost_usd"] in (None, 0)
