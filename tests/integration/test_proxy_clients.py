"""`openai` and langchain-openai work through the proxy as if it were OpenRouter, and raise on whatever is not whole."""

from typing import Any

import httpx
import openai
import pytest
from langchain_core.messages import AIMessage, AIMessageChunk

from tests.fixtures.clients import EMBEDDING_MODEL, HELLO, MODEL, Clients, Proposal
from tests.fixtures.ledger import Bills, Ledger
from tests.fixtures.openrouter_twin import OpenRouterTwin

FORCED = {"type": "function", "function": {"name": "freqtrade_propose_trade"}}
NOT_WHOLE = {
    "twin/truncated": "cut off|cut at",
    "twin/length": "cut at the limit of 4096 tokens that max_tokens sets",
    "twin/error-mid-stream": "Provider disconnected unexpectedly",
    "twin/dropped": "broke off",
    "twin/garbage": "cannot be read",
    "twin/cut-tool-call": "finish_reason",
    "twin/cut-tool-call:length": "cut at the limit of 4096 tokens that max_tokens sets",
    "twin/cut-tool-call:error": "'error' instead of 'stop'",
    "twin/bad-tool-arguments": "not complete JSON",
}


def test_openai_answers_the_same_streamed_or_not(clients: Clients) -> None:
    whole = clients.openai.chat.completions.create(model=MODEL, messages=HELLO)
    chunks = list(clients.openai.chat.completions.create(model=MODEL, messages=HELLO, stream=True))

    assert whole.choices[0].finish_reason == "stop"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole.choices[0].message.content
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.model_dump()["cost"] > 0


def test_openai_calls_tools_streamed_or_not(clients: Clients, trading_tool: Any) -> None:
    asked: Any = {
        "model": MODEL,
        "messages": HELLO,
        "tools": [trading_tool],
        "tool_choice": FORCED,
    }
    create: Any = clients.openai.chat.completions.create
    whole = create(**asked)
    with clients.openai.chat.completions.stream(**asked) as stream:
        streamed = stream.get_final_completion()

    completions: Any = (whole, streamed)
    calls = [call for each in completions for call in each.choices[0].message.tool_calls]
    assert [call.function.arguments for call in calls] == ['{"pair": "ETH/USDT", "stake": 100}'] * 2


def test_openai_parses_a_structured_answer(clients: Clients) -> None:
    answer = clients.openai.chat.completions.parse(model=MODEL, messages=HELLO, response_format=Proposal)

    assert answer.choices[0].message.parsed == Proposal(pair="ETH/USDT", stake=100, is_long=True)


def test_openai_embeds_and_lists_models(clients: Clients) -> None:
    answer = clients.openai.embeddings.create(model=EMBEDDING_MODEL, input=["open trades", "the weather"])

    assert [len(each.embedding) for each in answer.data] == [384, 384]
    assert EMBEDDING_MODEL in {model.id for model in clients.openai.models.list()}


def test_langchain_answers_the_same_streamed_or_not(clients: Clients) -> None:
    model = clients.langchain()
    parts = list(model.stream("hello"))

    assert "".join(part.text for part in parts) == model.invoke("hello").text != ""


def test_langchain_calls_tools_streamed_or_not(clients: Clients, trading_tool: Any) -> None:
    asked: Any = {"tools": [trading_tool], "tool_choice": FORCED}
    parts = list(clients.langchain().stream("hello", **asked))
    streamed = sum(parts[1:], parts[0])
    whole = clients.langchain().invoke("hello", **asked)

    assert isinstance(streamed, AIMessageChunk)
    assert isinstance(whole, AIMessage)
    assert [call["args"] for call in streamed.tool_calls] == [{"pair": "ETH/USDT", "stake": 100}]
    assert [call["args"] for call in whole.tool_calls] == [{"pair": "ETH/USDT", "stake": 100}]


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_langchain_parses_a_structured_answer(clients: Clients, method: Any) -> None:
    model: Any = clients.langchain()

    assert model.with_structured_output(Proposal, method=method).invoke("hello") == Proposal(
        pair="ETH/USDT", stake=100, is_long=True
    )


def test_langchain_embeds(clients: Clients) -> None:
    assert [len(each) for each in clients.embeddings.embed_documents(["open trades", "the weather"])] == [384, 384]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("model", NOT_WHOLE)
async def test_openai_raises_on_an_answer_that_is_not_whole_and_pays_for_no_second(
    clients: Clients, bills: Bills, trading_tool: Any, *, model: str, stream: bool
) -> None:
    with pytest.raises(openai.APIError, match=NOT_WHOLE[model]) as caught:
        list(clients.openai.chat.completions.create(model=model, messages=HELLO, tools=[trading_tool], stream=stream))

    error: Any = caught.value.body
    assert error["code"] == 406
    assert error["metadata"]["hint"]
    await bills.agree(calls=1)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("model", NOT_WHOLE)
async def test_langchain_raises_on_an_answer_that_is_not_whole_and_pays_for_no_second(
    clients: Clients, bills: Bills, trading_tool: Any, *, model: str, stream: bool
) -> None:
    chat = clients.langchain(model)

    with pytest.raises(openai.APIError, match=NOT_WHOLE[model]):
        list(chat.stream("hello", tools=[trading_tool])) if stream else chat.invoke("hello", tools=[trading_tool])

    await bills.agree(calls=1)


@pytest.mark.parametrize("status", [400, 401, 402, 403])
async def test_what_the_provider_refuses_for_good_is_raised_at_once(
    clients: Clients, ledger: Ledger, status: int
) -> None:
    with pytest.raises(openai.APIStatusError) as plain:
        clients.openai.chat.completions.create(model=f"twin/{status}", messages=HELLO)
    with pytest.raises(openai.APIStatusError) as chained:
        clients.langchain(f"twin/{status}").invoke("hello")

    assert (plain.value.status_code, chained.value.status_code) == (status, status)
    assert [row["attempts"] for row in await ledger.completed(2)] == [1, 1]


def test_no_other_bytes_than_the_providers_reach_the_client(clients: Clients, openrouter_twin: OpenRouterTwin) -> None:
    """But for the ids and times that each answer has of its own."""
    body = {"model": MODEL, "messages": HELLO, "stream": True, "max_tokens": 500}
    through = httpx.post(
        f"{clients.proxy.url}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {clients.proxy.key}"}
    )
    straight = httpx.post(
        f"{openrouter_twin.base_url}/chat/completions",
        json=body,
        headers={"Authorization": f"Bearer {openrouter_twin.key}"},
    )

    assert without_ids(through) == without_ids(straight)


def without_ids(answer: httpx.Response) -> str:
    first = next(line for line in answer.text.splitlines() if line.startswith("data: "))
    chunk: dict[str, Any] = httpx.Response(200, text=first.removeprefix("data: ")).json()
    return answer.text.replace(chunk["id"], "ID").replace(f'"created":{chunk["created"]}', "CREATED")
