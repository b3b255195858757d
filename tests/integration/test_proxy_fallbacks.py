"""Another model answers only from the owner's list, only when the asked one is away, and never at a higher price."""

import json
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from pilothouse.errors import PilothouseError
from pilothouse.models import ModelClient
from stack.ports import find_free
from tests.fixtures.ledger import Ledger
from tests.fixtures.models import ask
from tests.fixtures.openrouter_twin import OpenRouterTwin
from tests.fixtures.postgres import DatabaseUrls
from tests.fixtures.processes import Launcher
from tests.fixtures.proxy import Provider, Proxy, start_on_twin, start_proxy

CHEAP, DEAR = "openai/gpt-4.1-mini", "anthropic/claude-haiku-4.5"
AWAY, AWAY_TOO, BUSY = "twin/503:0", "twin/502", "twin/429:3600"
FALLBACKS = {
    AWAY: [DEAR, AWAY_TOO, CHEAP],
    BUSY: [CHEAP],
    "twin/402": [CHEAP],
    "twin/400": [CHEAP],
    "twin/dropped": [CHEAP],
    "twin/408": [DEAR],
}
ANSWER = json.dumps(
    {
        "id": "gen-1",
        "model": "other/model",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "cost": 0.5},
    }
).encode()
FLOOR = {"data_collection": "deny", "zdr": True, "only": ["openai", "azure"]}


@pytest.fixture(scope="module")
def lenient(launcher: Launcher, make_database: Callable[[], DatabaseUrls], openrouter_twin: OpenRouterTwin) -> Proxy:
    """A proxy that may ask other models."""
    settings = {"PILOTHOUSE_FALLBACK_MODELS": json.dumps(FALLBACKS), "PILOTHOUSE_PRICES": ""}
    return start_on_twin(launcher, make_database(), openrouter_twin, settings=settings)


@pytest.fixture
async def ledger(lenient: Proxy) -> Ledger:
    """Its ledger, empty."""
    ledger = Ledger(lenient.database_url)
    await ledger.clear()
    return ledger


@pytest.mark.parametrize(("asked", "attempts"), [(AWAY, 7), (BUSY, 2)])
async def test_the_next_allowed_model_answers_for_one_that_is_away_and_the_row_says_so(
    lenient: Proxy,
    ledger: Ledger,
    session: aiohttp.ClientSession,
    unbilled_twin: OpenRouterTwin,
    *,
    asked: str,
    attempts: int,
) -> None:
    model = ModelClient(session=session, url=lenient.url, key=lenient.key)

    answer = await model.complete(ask(asked), lambda _: None)

    [row] = await ledger.settled(1)
    [billed] = unbilled_twin.billed()
    assert (row["asked_model"], row["attempts"], row["cost_usd"]) == (asked, attempts, unbilled_twin.total_usd())
    assert CHEAP in row["served_model"]
    assert (answer.usage.asked_model, answer.usage.served_model) == (asked, row["served_model"])
    assert billed["generation_id"] == row["generation_id"]
    assert row["cost_usd"] <= row["reserved_usd"]


@pytest.mark.parametrize("asked", ["twin/402", "twin/400", "twin/dropped", "twin/408"])
async def test_no_other_model_is_asked_for_what_it_would_not_help_or_at_a_higher_price(
    lenient: Proxy, ledger: Ledger, session: aiohttp.ClientSession, unbilled_twin: OpenRouterTwin, asked: str
) -> None:
    model = ModelClient(session=session, url=lenient.url, key=lenient.key)

    with pytest.raises(PilothouseError):
        await model.complete(ask(asked), lambda _: None)

    await ledger.completed(1)
    assert {call["model"] for call in unbilled_twin.billed()} <= {asked}


@pytest.fixture
async def refusing() -> AsyncIterator[tuple[Provider, str]]:
    """A provider that refuses three times before it answers, and where it is."""
    provider = Provider(pieces=[ANSWER], refusals=[(503, {"Retry-After": "0"})] * 3)
    provider.may_end.set()
    app = web.Application()
    app.router.add_post("/{route:.*}", provider.answer)
    port = find_free()
    async with TestServer(app, port=port):
        yield provider, f"http://127.0.0.1:{port}"


@pytest.fixture
def strict(own_launcher: Launcher, database_urls: DatabaseUrls, refusing: tuple[Provider, str]) -> Proxy:
    """A proxy in front of it, with a privacy floor and one other model that may answer."""
    return start_proxy(
        own_launcher,
        database_url=database_urls.proxy,
        upstream_url=refusing[1],
        upstream_key="invented",
        settings={
            "PILOTHOUSE_PROVIDER_FLOOR": json.dumps(FLOOR),
            "PILOTHOUSE_FALLBACK_MODELS": json.dumps({"some/model": ["other/model"]}),
        },
    )


async def test_the_privacy_floor_and_what_a_request_asks_beyond_it_hold_for_every_model_and_attempt(
    strict: Proxy, refusing: tuple[Provider, str], session: aiohttp.ClientSession
) -> None:
    wanted = {"data_collection": "allow", "only": ["azure", "deepinfra"], "order": ["azure"]}
    async with await strict.ask(session, body={"model": "some/model", "provider": wanted}) as answer:
        assert answer.status == 200

    received = refusing[0].received
    assert [sent["model"] for sent in received] == ["some/model"] * 3 + ["other/model"]
    kept = {"data_collection": "deny", "zdr": True, "only": ["azure"], "order": ["azure"]}
    assert [sent["provider"] for sent in received] == [kept] * 4


async def test_embeddings_are_never_made_by_another_model(
    strict: Proxy, refusing: tuple[Provider, str], session: aiohttp.ClientSession
) -> None:
    headers = {"Authorization": f"Bearer {strict.key}"}
    body = {"model": "some/model", "input": "three open trades"}
    async with session.post(f"{strict.url}/v1/embeddings", json=body, headers=headers) as answer:
        assert answer.status == 503

    received = refusing[0].received
    assert [sent["model"] for sent in received] == ["some/model"] * 3
    assert all(sent["provider"]["data_collection"] == "deny" for sent in received)
