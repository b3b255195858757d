"""What the proxy itself refuses is told in OpenRouter's shape on /v1, so that whoever speaks to it hears why."""

from typing import Any, cast

import aiohttp
import openai
import pytest
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from pilothouse.errors import UnavailableError
from pilothouse.models import ModelClient
from tests.fixtures.models import ask
from tests.fixtures.postgres import DatabaseUrls
from tests.fixtures.processes import Launcher
from tests.fixtures.proxy import Proxy, start_proxy


@pytest.mark.parametrize("streamed", [False, True])
async def test_openais_client_raises_with_our_words_and_hint(proxy: Proxy, *, streamed: bool) -> None:
    async with openai.AsyncOpenAI(base_url=f"{proxy.url}/v1", api_key="ph_wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as raised:
            await client.chat.completions.create(model="pilothouse/rehearsal", messages=[], stream=streamed)

    told = cast("dict[str, Any]", raised.value.body)
    assert told["code"] == 401
    assert "key" in told["message"]
    assert told["metadata"]["hint"]


async def test_langchains_client_raises_as_on_openrouter_itself(proxy: Proxy) -> None:
    model = ChatOpenAI(
        model="pilothouse/rehearsal", base_url=f"{proxy.url}/v1", api_key=SecretStr("ph_wrong"), max_retries=0
    )

    with pytest.raises(openai.AuthenticationError, match="key"):
        await model.ainvoke("Hello")


async def test_a_person_is_told_the_proxys_hint(
    own_launcher: Launcher, database_urls: DatabaseUrls, session: aiohttp.ClientSession
) -> None:
    nowhere = start_proxy(
        own_launcher, database_url=database_urls.proxy, upstream_url="http://127.0.0.1:9/v1", upstream_key="none"
    )
    client = ModelClient(session=session, url=nowhere.url, key=nowhere.key)

    with pytest.raises(UnavailableError, match="cannot be reached") as raised:
        await client.complete(ask("pilothouse/rehearsal"), lambda _: None)

    assert "LLM_BASE_URL" in raised.value.hint


@pytest.mark.parametrize(
    ("route", "status"), [("/v1/chat/completions", 405), ("/v1/no/such/route", 404), ("/v1/models", 401)]
)
async def test_every_error_on_v1_has_openrouters_shape(
    proxy: Proxy, session: aiohttp.ClientSession, route: str, status: int
) -> None:
    async with session.get(f"{proxy.url}{route}") as response:
        error = (await response.json())["error"]

    assert (response.status, error["code"]) == (status, status)
    assert error["message"]


async def test_elsewhere_errors_have_our_own_shape(proxy: Proxy, session: aiohttp.ClientSession) -> None:
    async with session.get(f"{proxy.url}/no/such/route") as response:
        error = (await response.json())["error"]

    assert (response.status, error["code"]) == (404, "http")
    assert error["hint"]
