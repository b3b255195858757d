"""Each way the twin breaks, seen through the clients that will meet it.

Twin only: nobody can order these from OpenRouter.
"""

import json
from typing import Any

import httpx
import openai
import pytest
from langchain_core.messages import AIMessageChunk
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from tests.fixtures.openrouter_twin import OpenRouterTwin

HELLO: Any = [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize(
    ("model", "error", "status"),
    [
        ("twin/400", openai.BadRequestError, 400),
        ("twin/401", openai.AuthenticationError, 401),
        ("twin/402", openai.APIStatusError, 402),
        ("twin/403", openai.PermissionDeniedError, 403),
        ("twin/408", openai.APIStatusError, 408),
        ("twin/429", openai.RateLimitError, 429),
        ("twin/502", openai.InternalServerError, 502),
        ("twin/503", openai.InternalServerError, 503),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_raises_its_class_and_carries_its_code(
    openrouter_twin: OpenRouterTwin, model: str, error: type[openai.APIStatusError], status: int, *, stream: bool
) -> None:
    with pytest.raises(error) as caught:
        openrouter_twin.client().chat.completions.create(model=model, messages=HELLO, stream=stream)

    assert caught.value.status_code == status
    assert caught.value.response.json()["error"]["code"] == status


def test_a_rate_limit_says_when_to_come_back(openrouter_twin: OpenRouterTwin) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        openrouter_twin.client().chat.completions.create(model="twin/429:7", messages=HELLO)

    assert caught.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize(
    ("model", "source", "retry_after"),
    [
        ("twin/402", "openrouter_credits", None),
        ("twin/402:openrouter_key_limit", "openrouter_key_limit", None),
        ("twin/402:openrouter_in_flight_budget", "openrouter_in_flight_budget", "1"),
    ],
)
def test_no_money_says_which_limit_it_was(
    openrouter_twin: OpenRouterTwin, model: str, source: str, retry_after: str | None
) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        openrouter_twin.client().chat.completions.create(model=model, messages=HELLO)

    assert caught.value.response.json()["error"]["metadata"]["limit_source"] == source
    assert caught.value.response.headers.get("retry-after") == retry_after


def test_without_a_bearer_nobody_is_let_in(openrouter_twin: OpenRouterTwin) -> None:
    answer = httpx.post(f"{openrouter_twin.base_url}/chat/completions", json={"model": "twin/slow", "messages": HELLO})

    assert answer.status_code == 401
    assert answer.json() == {"error": {"code": 401, "message": "No auth credentials found"}}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"model": 7, "messages": []}'])
def test_a_body_that_is_no_request_is_refused_in_the_one_shape(openrouter_twin: OpenRouterTwin, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {openrouter_twin.key}"}

    answer = httpx.post(f"{openrouter_twin.base_url}/chat/completions", content=body, headers=headers)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == 400


def test_a_truncated_stream_ends_without_a_finish_reason(openrouter_twin: OpenRouterTwin) -> None:
    chunks = list(openrouter_twin.client().chat.completions.create(model="twin/truncated", messages=HELLO, stream=True))

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert {chunk.choices[0].finish_reason for chunk in chunks} == {None}


@pytest.mark.parametrize("model", ["twin/truncated", "twin/length"])
def test_an_unstreamed_cut_text_says_length(openrouter_twin: OpenRouterTwin, model: str) -> None:
    answer = openrouter_twin.client().chat.completions.create(model=model, messages=HELLO)

    assert answer.choices[0].finish_reason == "length"


def test_an_error_in_mid_stream_comes_after_text_and_status_200(openrouter_twin: OpenRouterTwin) -> None:
    stream = openrouter_twin.client().chat.completions.create(
        model="twin/error-mid-stream", messages=HELLO, stream=True
    )

    assert stream.response.status_code == 200
    assert next(stream).choices[0].delta.content
    with pytest.raises(openai.APIError, match="Provider disconnected unexpectedly"):
        list(stream)


def test_an_unstreamed_error_stands_in_the_choice(openrouter_twin: OpenRouterTwin) -> None:
    answer = openrouter_twin.client().chat.completions.create(model="twin/error-mid-stream", messages=HELLO)

    assert answer.choices[0].finish_reason == "error"
    assert answer.choices[0].model_dump()["error"]["code"] == 502


@pytest.mark.parametrize("stream", [True, False])
def test_a_dropped_connection_is_no_proper_end(openrouter_twin: OpenRouterTwin, *, stream: bool) -> None:
    body = {"model": "twin/dropped", "messages": HELLO, "stream": stream}
    headers = {"Authorization": f"Bearer {openrouter_twin.key}"}

    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(f"{openrouter_twin.base_url}/chat/completions", json=body, headers=headers)


def test_a_garbage_chunk_cannot_be_read(openrouter_twin: OpenRouterTwin) -> None:
    stream = openrouter_twin.client().chat.completions.create(model="twin/garbage", messages=HELLO, stream=True)

    with pytest.raises(json.JSONDecodeError):
        list(stream)


@pytest.mark.parametrize(("variant", "finish"), [("", None), (":length", "length"), (":error", "error")])
def test_a_cut_tool_call_is_completed_by_langchain_into_a_valid_one(
    openrouter_twin: OpenRouterTwin, trading_tool: dict[str, Any], variant: str, finish: str | None
) -> None:
    model = ChatOpenAI(
        model=f"twin/cut-tool-call{variant}",
        base_url=openrouter_twin.base_url,
        api_key=SecretStr(openrouter_twin.key),
        http_client=openrouter_twin.http,
        max_retries=0,
    )

    parts = list(model.stream("propose a trade", tools=[trading_tool]))
    whole = sum(parts[1:], parts[0])

    assert isinstance(whole, AIMessageChunk)
    assert whole.tool_calls[0]["args"] == {"pair": "ETH/USDT", "stake": 1}, "the model meant 100"
    assert {part.response_metadata.get("finish_reason") for part in parts} == {None, finish}


def test_langchain_doubles_the_finish_reason_that_openrouter_repeats(openrouter_twin: OpenRouterTwin) -> None:
    model = ChatOpenAI(
        model="pilothouse/rehearsal",
        base_url=openrouter_twin.base_url,
        api_key=SecretStr(openrouter_twin.key),
        http_client=openrouter_twin.http,
        max_retries=0,
    )

    parts = list(model.stream("hello"))

    assert sum(parts[1:], parts[0]).response_metadata["finish_reason"] == "stopstop"


@pytest.mark.parametrize("model", ["twin/bad-tool-arguments", "twin/bad-tool-arguments:types"])
def test_bad_arguments_come_with_a_proper_finish(
    openrouter_twin: OpenRouterTwin, trading_tool: Any, model: str
) -> None:
    answer = openrouter_twin.client().chat.completions.create(model=model, messages=HELLO, tools=[trading_tool])

    assert answer.choices[0].finish_reason == "tool_calls"
    arguments = (answer.choices[0].message.tool_calls or [])[0].model_dump()["function"]["arguments"]
    assert arguments.endswith(",,") or isinstance(json.loads(arguments)["stake"], list)


@pytest.mark.parametrize("model", ["twin/cut-tool-call", "twin/bad-tool-arguments", "twin/hostile"])
def test_a_fault_that_calls_tools_answers_plainly_when_none_is_offered(
    openrouter_twin: OpenRouterTwin, model: str
) -> None:
    answer = openrouter_twin.client().chat.completions.create(model=model, messages=HELLO)

    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.content


@pytest.mark.parametrize("model", ["twin/cut-tool-call", "twin/bad-tool-arguments"])
def test_a_fault_that_called_a_tool_ends_the_turn_after_its_result(
    openrouter_twin: OpenRouterTwin, trading_tool: Any, model: str
) -> None:
    call: Any = {"id": "1", "type": "function", "function": {"name": "freqtrade_propose_trade", "arguments": "{}"}}
    messages: Any = [
        *HELLO,
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": '{"error": {"message": "the call was not complete"}}'},
    ]

    answer = openrouter_twin.client().chat.completions.create(model=model, messages=messages, tools=[trading_tool])

    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.content == "freqtrade_propose_trade did not work: the call was not complete."


def test_the_same_seed_makes_the_same_hostile_calls(
    openrouter_twin: OpenRouterTwin, trading_tool: Any, status_tool: Any
) -> None:
    tools: Any = [trading_tool, status_tool]
    made: list[list[str]] = []

    for seed in [*range(40), *range(40)]:
        answer = openrouter_twin.client().chat.completions.create(
            model="twin/hostile", messages=HELLO, tools=tools, seed=seed
        )
        made.append([str(call.model_dump()["function"]) for call in answer.choices[0].message.tool_calls or []])

    assert made[:40] == made[40:]
    assert len({call for calls in made for call in calls}) > 40, "seeds differ"
    assert all(made), "every round attacks"


def test_hostile_calls_are_valid_chunks_when_streamed(openrouter_twin: OpenRouterTwin, status_tool: Any) -> None:
    for seed in range(40):
        stream = openrouter_twin.client().chat.completions.create(
            model="twin/hostile", messages=HELLO, tools=[status_tool], seed=seed, stream=True
        )

        assert list(stream)[-1].choices[0].finish_reason == "tool_calls"


def test_where_money_can_be_moved_some_hostile_answers_break_off_in_a_call(
    openrouter_twin: OpenRouterTwin, trading_tool: Any
) -> None:
    finishes = {
        openrouter_twin.client()
        .chat.completions.create(model="twin/hostile", messages=HELLO, tools=[trading_tool], seed=seed)
        .choices[0]
        .finish_reason
        for seed in range(60)
    }

    assert finishes >= {"tool_calls", "length"}


def test_a_hostile_turn_ends_after_three_rounds(openrouter_twin: OpenRouterTwin, status_tool: Any) -> None:
    client = openrouter_twin.client()
    messages: Any = list(HELLO)
    rounds = 0

    while (
        calls := client.chat.completions.create(model="twin/hostile", messages=messages, tools=[status_tool])
        .choices[0]
        .message.tool_calls
    ):
        rounds += 1
        messages.append({"role": "assistant", "tool_calls": [call.model_dump() for call in calls]})
        messages += [{"role": "tool", "tool_call_id": call.id, "content": "refused"} for call in calls]

    assert rounds == 3


def test_a_slow_call_stops_when_its_client_leaves(openrouter_twin: OpenRouterTwin) -> None:
    with pytest.raises(openai.APITimeoutError):
        openrouter_twin.client().with_options(timeout=0.3).chat.completions.create(model="twin/slow", messages=HELLO)

    openrouter_twin.wait_until_idle(within_s=5)


def test_a_slow_call_answers_in_the_end(openrouter_twin: OpenRouterTwin) -> None:
    answer = openrouter_twin.client().chat.completions.create(model="twin/slow:0.1", messages=HELLO)

    assert answer.choices[0].finish_reason == "stop"


def test_comments_keep_a_waiting_stream_alive(openrouter_twin: OpenRouterTwin) -> None:
    body = {"model": "twin/keep-alive:1", "messages": HELLO, "stream": True}
    headers = {"Authorization": f"Bearer {openrouter_twin.key}"}

    answer = httpx.post(f"{openrouter_twin.base_url}/chat/completions", json=body, headers=headers, timeout=0.9)

    assert answer.text.count(": OPENROUTER PROCESSING\n\n") == 3
    assert answer.text.endswith("data: [DONE]\n\n")
