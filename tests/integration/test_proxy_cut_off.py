"""What the ledger says of a call that did not end well: `failed` costs nothing, `open` may have been billed."""

import aiohttp
import openai
import pytest

from pilothouse.errors import IncompleteAnswerError, PilothouseError, UnavailableError
from pilothouse.models import ModelClient
from tests.fixtures.ledger import Ledger
from tests.fixtures.models import ask
from tests.fixtures.openrouter_twin import OpenRouterTwin
from tests.fixtures.postgres import DatabaseUrls
from tests.fixtures.processes import Launcher
from tests.fixtures.proxy import Provider, Proxy, start_proxy


@pytest.mark.parametrize(
    ("model_id", "said"), [("twin/error-mid-stream", "502 provider_unavailable"), ("twin/dropped", "broke off")]
)
async def test_a_stream_that_fails_midway_stays_open_because_it_is_billed(
    model: ModelClient, ledger: Ledger, unbilled_twin: OpenRouterTwin, model_id: str, said: str
) -> None:
    with pytest.raises(IncompleteAnswerError):
        await model.complete(ask(model_id), lambda _: None)

    [row] = await ledger.completed(1)
    [billed] = unbilled_twin.billed()
    assert (row["status"], row["cost_usd"], row["generation_id"]) == ("open", None, billed["generation_id"])
    assert said in row["error"]


async def test_an_unstreamed_answer_that_breaks_off_stays_open_because_it_is_billed(
    openai_client: openai.AsyncOpenAI, ledger: Ledger, unbilled_twin: OpenRouterTwin
) -> None:
    with pytest.raises(openai.APIStatusError, match="broke off"):
        await openai_client.chat.completions.create(model="twin/dropped", messages=[{"role": "user", "content": "Hi"}])

    [row] = await ledger.completed(1)
    [billed] = unbilled_twin.billed()
    assert (row["status"], row["cost_usd"], row["generation_id"]) == ("open", None, billed["generation_id"])
    assert "broke off" in row["error"]


@pytest.mark.parametrize("model_id", ["twin/402", "twin/429", "twin/503"])
async def test_a_call_the_provider_refuses_has_failed(model: ModelClient, ledger: Ledger, model_id: str) -> None:
    with pytest.raises(PilothouseError):
        await model.complete(ask(model_id), lambda _: None)

    [row] = await ledger.completed(1)
    assert row["status"] == "failed"
    assert row["error"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "127.0.0.1:9/v1"], ids=["nobody listens", "no URL"])
async def test_a_call_that_never_reached_the_provider_has_failed(
    own_launcher: Launcher, database_urls: DatabaseUrls, session: aiohttp.ClientSession, url: str
) -> None:
    proxy = start_proxy(own_launcher, database_url=database_urls.proxy, upstream_url=url, upstream_key="none")
    client = ModelClient(session=session, url=proxy.url, key=proxy.key)

    with pytest.raises(UnavailableError, match="provider"):
        await client.complete(ask("some/model"), lambda _: None)

    [row] = await Ledger(database_urls.admin).completed(1)
    assert row["status"] == "failed"
    assert "reached" in row["error"]


@pytest.mark.parametrize(("status", "state", "told"), [(403, "failed", 403), (504, "open", 406)])
async def test_a_gateways_page_is_a_refusal_unless_the_provider_may_have_worked_on_behind_it(
    provided_proxy: Proxy,
    provider: Provider,
    provided_ledger: Ledger,
    session: aiohttp.ClientSession,
    *,
    status: int,
    state: str,
    told: int,
) -> None:
    provider.status, provider.headers, provider.pieces = status, {"Content-Type": "text/html"}, [b"<html>"]

    async with await provided_proxy.ask(session) as answer:
        assert answer.status == told

    [row] = await provided_ledger.completed(1)
    assert (row["status"], row["cost_usd"]) == (state, None)
    assert str(status) in row["error"]


async def test_a_provider_that_hangs_up_without_a_word_may_have_billed(
    provided_proxy: Proxy, provider: Provider, provided_ledger: Ledger, session: aiohttp.ClientSession
) -> None:
    provider.hangs_up = True

    async with await provided_proxy.ask(session) as answer:
        error = (await answer.json())["error"]

    assert (answer.status, error["metadata"]["reason"]) == (406, "unanswered")
    [row] = await provided_ledger.completed(1)
    assert (row["status"], row["cost_usd"]) == ("open", None)
    assert row["error"]
