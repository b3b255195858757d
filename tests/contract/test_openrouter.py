"""What we rely on in OpenRouter: checked on the twin always, on OpenRouter when OPENROUTER_CONTRACT_KEY is set."""

import json
from typing import Any

import httpx
import openai
import pytest

from tests.fixtures.openrouter_twin import OpenRouter

HELLO: Any = [{"role": "user", "content": "Say hello in one word."}]
STATUS: Any = [{"role": "user", "content": "How is my bot doing? Use the tool."}]


def test_an_answer_names_its_cost_its_provider_and_its_generation(openrouter: OpenRouter) -> None:
    raw = openrouter.client().chat.completions.with_raw_response.create(
        model=openrouter.chat_model, messages=HELLO, max_tokens=200
    )
    answer = raw.parse()

    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer.usage.model_dump()["cost"] > 0
    assert "cost_details" in answer.usage.model_dump()
    assert answer.model_dump()["provider"]
    assert answer.id.startswith("gen-")
    assert raw.headers["x-generation-id"] == answer.id


def test_a_stream_ends_with_usage_on_a_chunk_that_repeats_the_finish_reason(openrouter: OpenRouter) -> None:
    stream = openrouter.client().chat.completions.create(
        model=openrouter.chat_model, messages=HELLO, max_tokens=200, stream=True
    )
    chunks = list(stream)

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert [chunk.choices[0].finish_reason for chunk in chunks[-2:]] == ["stop", "stop"]
    assert [chunk.usage is not None for chunk in chunks[-2:]] == [False, True]
    assert chunks[-1].model_dump()["usage"]["cost"] > 0
    assert {chunk.id for chunk in chunks} == {chunks[0].id}


def test_a_stream_is_terminated_by_done(openrouter: OpenRouter) -> None:
    body = {"model": openrouter.chat_model, "messages": HELLO, "stream": True, "max_tokens": 200}

    answer = httpx.post(
        f"{openrouter.base_url}/chat/completions",
        json=body,
        headers={"Authorization": f"Bearer {openrouter.key}"},
        timeout=60,
    )

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.rstrip().endswith("data: [DONE]")


def test_a_tool_is_called_with_an_id_and_arguments(openrouter: OpenRouter, status_tool: Any) -> None:
    answer = openrouter.client().chat.completions.create(
        model=openrouter.chat_model, messages=STATUS, tools=[status_tool], max_tokens=200
    )

    assert answer.choices[0].finish_reason == "tool_calls"
    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].id
    assert calls[0].type == "function"
    assert calls[0].function.name == "freqtrade_get_status"
    assert calls[0].function.arguments == "{}"


def test_no_tool_is_called_when_the_caller_forbids_it(openrouter: OpenRouter, status_tool: Any) -> None:
    answer = openrouter.client().chat.completions.create(
        model=openrouter.chat_model, messages=STATUS, tools=[status_tool], tool_choice="none", max_tokens=200
    )

    assert not answer.choices[0].message.tool_calls
    assert answer.choices[0].message.content


def test_a_tool_that_is_named_is_called_whatever_was_asked(openrouter: OpenRouter, status_tool: Any) -> None:
    named: Any = {"type": "function", "function": {"name": "freqtrade_get_status"}}

    answer = openrouter.client().chat.completions.create(
        model=openrouter.chat_model, messages=HELLO, tools=[status_tool], tool_choice=named, max_tokens=200
    )

    assert [call.type for call in answer.choices[0].message.tool_calls or []] == ["function"]


def test_an_answer_fits_the_schema_that_was_asked_for(openrouter: OpenRouter) -> None:
    schema = {"type": "object", "properties": {"pair": {"type": "string"}, "stake": {"type": "integer"}}}
    schema |= {"required": ["pair", "stake"], "additionalProperties": False}
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "trade", "strict": True, "schema": schema}}

    answer = openrouter.client().chat.completions.create(
        model=openrouter.chat_model, messages=HELLO, response_format=wanted, max_tokens=200
    )

    trade = json.loads(answer.choices[0].message.content or "")
    assert (type(trade["pair"]), type(trade["stake"])) == (str, int)


def test_a_streamed_tool_call_comes_in_pieces_of_one_index(openrouter: OpenRouter, status_tool: Any) -> None:
    stream = openrouter.client().chat.completions.create(
        model=openrouter.chat_model, messages=STATUS, tools=[status_tool], stream=True, max_tokens=200
    )
    pieces = [piece for chunk in stream for piece in chunk.choices[0].delta.tool_calls or []]

    assert {piece.index for piece in pieces} == {0}
    assert pieces[0].id
    assert pieces[0].function is not None
    assert pieces[0].function.name == "freqtrade_get_status"
    assert "".join((piece.function and piece.function.arguments) or "" for piece in pieces) == "{}"


def test_a_limit_on_tokens_is_told_by_the_finish_reason(openrouter: OpenRouter) -> None:
    answer = openrouter.client().chat.completions.create(
        model=openrouter.chat_model, messages=[{"role": "user", "content": "Tell me a long story."}], max_tokens=16
    )

    assert answer.choices[0].finish_reason == "length"


def test_embeddings_have_the_asked_dimension_and_a_cost(openrouter: OpenRouter) -> None:
    answer = openrouter.client().embeddings.create(
        model=openrouter.embedding_model, input=["open trades", "the weather"], dimensions=256
    )

    assert [len(each.embedding) for each in answer.data] == [256, 256]
    assert answer.data[0].embedding != answer.data[1].embedding
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.model_dump()["cost"] > 0


def test_models_give_prices_as_text_and_a_context_length(openrouter: OpenRouter) -> None:
    models = {model.id: model.model_dump() for model in openrouter.client().models.list()}

    served = models[openrouter.chat_model]
    assert isinstance(served["pricing"]["prompt"], str)
    assert float(served["pricing"]["completion"]) > 0
    assert served["context_length"] > 0


def test_the_key_tells_its_limit_and_its_use(openrouter: OpenRouter) -> None:
    answer = httpx.get(f"{openrouter.base_url}/key", headers={"Authorization": f"Bearer {openrouter.key}"}, timeout=60)

    assert {"label", "limit", "limit_remaining", "limit_reset", "usage"} <= answer.json()["data"].keys()


def test_a_wrong_key_is_an_authentication_error(openrouter: OpenRouter) -> None:
    with pytest.raises(openai.AuthenticationError) as caught:
        openrouter.client(key="sk-or-v1-wrong").chat.completions.create(model=openrouter.chat_model, messages=HELLO)

    assert caught.value.body is not None


@pytest.mark.parametrize("model", ["nobody/knows-this-model", "twin/unknown"])
def test_an_unknown_model_is_a_bad_request_with_the_code_in_the_body(openrouter: OpenRouter, model: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        openrouter.client().chat.completions.create(model=model, messages=HELLO)

    assert caught.value.response.json()["error"]["code"] == 400
    assert model in caught.value.response.json()["error"]["message"]


def test_a_body_without_messages_is_a_bad_request(openrouter: OpenRouter) -> None:
    with pytest.raises(openai.BadRequestError):
        openrouter.client().chat.completions.create(model=openrouter.chat_model, messages=[])
