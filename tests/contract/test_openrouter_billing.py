"""The twin's bill is what our ledger is checked against, so it has to add up itself."""

from decimal import Decimal
from typing import Any

import httpx
import openai
import pytest

from tests.fixtures.openrouter_twin import OpenRouterTwin

HELLO: Any = [{"role": "user", "content": "hello"}]


def test_what_clients_were_told_adds_up_to_the_bill(unbilled_twin: OpenRouterTwin) -> None:
    client = unbilled_twin.client()

    told = [
        client.chat.completions.create(model="pilothouse/rehearsal", messages=HELLO).usage,
        list(client.chat.completions.create(model="openai/gpt-4.1-mini", messages=HELLO, stream=True))[-1].usage,
        client.embeddings.create(model="openai/text-embedding-3-small", input="hello there").usage,
    ]

    costs = [Decimal(str(usage.model_dump()["cost"])) for usage in told if usage is not None]
    assert [Decimal(bill["cost_usd"]) for bill in unbilled_twin.billed()] == costs
    assert unbilled_twin.total_usd() == sum(costs) > 0


def test_the_cost_is_tokens_times_the_listed_price(unbilled_twin: OpenRouterTwin) -> None:
    client = unbilled_twin.client()
    price = {model.id: model.model_dump()["pricing"] for model in client.models.list()}["pilothouse/rehearsal"]

    usage = client.chat.completions.create(model="pilothouse/rehearsal", messages=HELLO).usage

    assert usage is not None
    expected = Decimal(price["prompt"]) * usage.prompt_tokens + Decimal(price["completion"]) * usage.completion_tokens
    assert unbilled_twin.total_usd() == expected


@pytest.mark.parametrize("model", ["twin/402", "twin/429", "twin/503", "nobody/knows-this-model"])
def test_a_refused_call_is_not_billed(unbilled_twin: OpenRouterTwin, model: str) -> None:
    with pytest.raises(openai.APIStatusError):
        unbilled_twin.client().chat.completions.create(model=model, messages=HELLO)

    assert unbilled_twin.billed() == []


@pytest.mark.parametrize("model", ["twin/error-mid-stream", "twin/truncated", "twin/dropped"])
def test_a_call_that_breaks_midway_is_billed_for_what_it_produced(unbilled_twin: OpenRouterTwin, model: str) -> None:
    body = {"messages": HELLO, "stream": True}
    headers = {"Authorization": f"Bearer {unbilled_twin.key}"}

    for each in ("pilothouse/rehearsal", model):
        with httpx.stream(
            "POST", f"{unbilled_twin.base_url}/chat/completions", json=body | {"model": each}, headers=headers
        ) as answer:
            assert answer.status_code == 200

    whole, broken = unbilled_twin.billed()
    assert 0 < broken["completion_tokens"] < whole["completion_tokens"]


def test_a_stream_left_midway_is_billed_for_what_was_sent(unbilled_twin: OpenRouterTwin) -> None:
    client = unbilled_twin.client()
    whole = client.chat.completions.create(model="pilothouse/rehearsal", messages=HELLO).usage

    stream = client.chat.completions.create(model="twin/trickle:0.05", messages=HELLO, stream=True)
    next(stream)
    stream.close()
    unbilled_twin.wait_until_idle()

    assert whole is not None
    assert 0 < unbilled_twin.billed()[1]["completion_tokens"] < whole.completion_tokens


def test_a_stream_left_before_its_first_token_costs_nothing(unbilled_twin: OpenRouterTwin) -> None:
    client = unbilled_twin.client().with_options(timeout=0.2)

    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="twin/slow", messages=HELLO, stream=True)
    unbilled_twin.wait_until_idle()

    assert unbilled_twin.billed() == []


def test_a_stream_left_during_its_comments_costs_nothing(unbilled_twin: OpenRouterTwin) -> None:
    body = {"model": "twin/keep-alive", "messages": HELLO, "stream": True}
    headers = {"Authorization": f"Bearer {unbilled_twin.key}"}

    with httpx.stream("POST", f"{unbilled_twin.base_url}/chat/completions", json=body, headers=headers) as answer:
        assert next(answer.iter_lines()) == ": OPENROUTER PROCESSING"
    unbilled_twin.wait_until_idle()

    assert unbilled_twin.billed() == []


def test_an_unstreamed_call_is_billed_though_nobody_waited(unbilled_twin: OpenRouterTwin) -> None:
    client = unbilled_twin.client().with_options(timeout=0.2)

    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="twin/slow", messages=HELLO)
    unbilled_twin.wait_until_idle()

    assert len(unbilled_twin.billed()) == 1


def test_a_generation_tells_the_cost_afterwards(unbilled_twin: OpenRouterTwin) -> None:
    answer = unbilled_twin.client().chat.completions.create(model="pilothouse/rehearsal", messages=HELLO)
    headers = {"Authorization": f"Bearer {unbilled_twin.key}"}

    found = httpx.get(f"{unbilled_twin.base_url}/generation", params={"id": answer.id}, headers=headers)
    unknown = httpx.get(f"{unbilled_twin.base_url}/generation", params={"id": "gen-none"}, headers=headers)

    assert answer.usage is not None
    assert found.json()["data"]["total_cost"] == answer.usage.model_dump()["cost"]
    assert unknown.status_code == 404
    assert unknown.json()["error"]["code"] == 404


def test_the_key_tells_what_was_used(unbilled_twin: OpenRouterTwin) -> None:
    unbilled_twin.client().chat.completions.create(model="pilothouse/rehearsal", messages=HELLO)

    answer = httpx.get(f"{unbilled_twin.base_url}/key", headers={"Authorization": f"Bearer {unbilled_twin.key}"})

    assert Decimal(str(answer.json()["data"]["usage"])) == unbilled_twin.total_usd() > 0
