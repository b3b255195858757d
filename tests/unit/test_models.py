"""The model client accepts whole answers and nothing else. Here it speaks to the twin directly."""

import asyncio

import aiohttp
import pytest

from pilothouse.errors import (
    BadInputError,
    ForbiddenError,
    IncompleteAnswerError,
    PilothouseError,
    TimedOutError,
    UnavailableError,
    UpstreamError,
)
from pilothouse.models import ModelClient
from stack.ports import find_free
from tests.fixtures.models import ask
from tests.fixtures.openrouter_twin import TWIN_KEY, running_twin


async def test_words_arrive_as_they_are_streamed_and_add_up_to_the_answer(
    direct_model: ModelClient, words: list[str]
) -> None:
    answer = await direct_model.complete(ask("pilothouse/rehearsal", content="Tell me a joke"), words.append)

    assert len(words) > 1
    assert "".join(words) == answer.text


async def test_a_tool_call_keeps_the_models_own_argument_text(direct_model: ModelClient, words: list[str]) -> None:
    answer = await direct_model.complete(ask("pilothouse/rehearsal"), words.append)

    assert [call.name for call in answer.tool_calls] == ["freqtrade_get_status"]
    assert answer.tool_calls[0].id


async def test_the_answer_says_who_served_it_and_what_it_cost(direct_model: ModelClient, words: list[str]) -> None:
    answer = await direct_model.complete(ask("openai/gpt-4.1-mini"), words.append)

    assert answer.usage.asked_model == "openai/gpt-4.1-mini"
    assert answer.usage.served_model
    assert answer.usage.provider
    assert answer.usage.cost_usd is not None
    assert answer.usage.cost_usd > 0


@pytest.mark.parametrize(
    "model",
    [
        "twin/truncated",
        "twin/cut-tool-call",
        "twin/cut-tool-call:length",
        "twin/cut-tool-call:error",
        "twin/dropped",
        "twin/error-mid-stream",
        "twin/garbage",
    ],
)
async def test_an_answer_that_is_not_whole_is_refused(direct_model: ModelClient, words: list[str], model: str) -> None:
    with pytest.raises(IncompleteAnswerError):
        await direct_model.complete(ask(model), words.append)


async def test_an_answer_cut_at_the_output_limit_names_the_limit(direct_model: ModelClient, words: list[str]) -> None:
    with pytest.raises(IncompleteAnswerError, match="max_tokens"):
        await direct_model.complete(ask("twin/length"), words.append)


async def test_a_call_with_invalid_arguments_is_handed_on_unparsed(direct_model: ModelClient, words: list[str]) -> None:
    answer = await direct_model.complete(ask("twin/bad-tool-arguments"), words.append)

    assert answer.tool_calls


@pytest.mark.parametrize(
    ("model", "kind"),
    [("twin/429", UnavailableError), ("twin/402", ForbiddenError), ("twin/no-such-model", BadInputError)],
)
async def test_a_refusal_says_what_the_provider_said(
    direct_model: ModelClient, words: list[str], model: str, kind: type[PilothouseError]
) -> None:
    with pytest.raises(kind) as caught:
        await direct_model.complete(ask(model), words.append)

    assert model in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("model", ["twin/401", "twin/403"])
async def test_a_key_that_the_provider_does_not_let_in_is_named_with_its_setting(
    direct_model: ModelClient, words: list[str], model: str
) -> None:
    with pytest.raises(UpstreamError) as caught:
        await direct_model.complete(ask(model), words.append)

    assert "OPENROUTER_API_KEY" in caught.value.hint


async def test_a_model_that_hangs_is_given_up_at_the_deadline(direct_model: ModelClient, words: list[str]) -> None:
    with pytest.raises(TimedOutError):
        await direct_model.complete(ask("twin/slow", deadline_s=0.3), words.append)


async def test_an_unreachable_proxy_is_named(words: list[str]) -> None:
    async with aiohttp.ClientSession() as session:
        client = ModelClient(session=session, url="http://127.0.0.1:9", key="ph_x", restart_wait_s=0)

        with pytest.raises(UnavailableError, match="proxy"):
            await client.complete(ask("pilothouse/rehearsal"), words.append)


async def test_a_proxy_that_is_being_started_again_is_waited_for(words: list[str]) -> None:
    port = find_free()
    async with aiohttp.ClientSession() as session:
        client = ModelClient(session=session, url=f"http://127.0.0.1:{port}/api", key=TWIN_KEY)
        asking = asyncio.create_task(client.complete(ask("pilothouse/rehearsal"), words.append))
        await asyncio.wait([asking], timeout=0.3)  # long enough to be refused

        with running_twin(port):
            answer = await asking

    assert [call.name for call in answer.tool_calls] == ["freqtrade_get_status"]
