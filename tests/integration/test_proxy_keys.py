"""A key opens what it was made for, until it is revoked or expires; the stack's own are put in at each start."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import httpx
import pytest

from pilothouse.db import connect
from pilothouse.keys import new_key
from tests.fixtures.proxy import Proxy
from tests.fixtures.purse import JOKE, Purse, ask, make_key

EMBEDDING = {"model": "openai/text-embedding-3-small", "input": "three open trades"}


async def test_a_revoked_key_opens_nothing_a_second_later(purse: Purse, session: aiohttp.ClientSession) -> None:
    proxy = purse.start()
    made = make_key(proxy)
    before = await ask(proxy, session, key=made["key"])

    with proxy.owner() as owner:
        assert owner.post(f"/keys/{made['id']}/revoke").is_success
    await asyncio.sleep(1)
    after = await ask(proxy, session, key=made["key"])

    assert (before.status, after.status) == (200, 401)
    assert "revoked" in after.body["error"]["message"]
    assert after.body["error"]["metadata"]["hint"]


async def test_an_expired_key_opens_nothing(purse: Purse, session: aiohttp.ClientSession) -> None:
    proxy = purse.start()
    made = make_key(proxy, expires_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    with connect(purse.database.admin) as connection:
        connection.execute("UPDATE proxy.keys SET expires_at = now() - interval '1 s' WHERE id = %s", (made["id"],))

    reply = await ask(proxy, session, key=made["key"])

    assert reply.status == 401
    assert "expired" in reply.body["error"]["message"]


@pytest.mark.parametrize(
    ("limits", "route", "body", "said"),
    [
        ({"models": ["openai/gpt-4.1-mini"]}, "/chat/completions", JOKE, "pilothouse/rehearsal"),
        ({"scopes": ["embeddings"]}, "/chat/completions", JOKE, "chat"),
        ({"scopes": ["chat"]}, "/embeddings", EMBEDDING, "embeddings"),
    ],
    ids=["model", "chat", "embeddings"],
)
async def test_a_key_opens_only_what_it_was_made_for(
    purse: Purse, session: aiohttp.ClientSession, *, limits: dict[str, Any], route: str, body: dict[str, Any], said: str
) -> None:
    proxy = purse.start()
    key = make_key(proxy, **limits)["key"]

    refused = await ask(proxy, session, body, key=key, route=route)
    allowed = await ask(proxy, session, body, route=route)

    assert (refused.status, allowed.status) == (403, 200)
    assert said in refused.body["error"]["message"]
    assert len(purse.twin.billed()) == 1


async def test_the_ledger_says_whose_call_it_was(purse: Purse, session: aiohttp.ClientSession) -> None:
    proxy = purse.start()
    made = make_key(proxy)

    await ask(proxy, session, key=made["key"])

    [row] = await purse.ledger.settled(1)
    assert (row["caller"], str(row["key_id"])) == (made["name"], made["id"])


async def test_a_service_whose_key_was_made_anew_keeps_its_account_and_the_old_key_is_worthless(
    purse: Purse, session: aiohttp.ClientSession
) -> None:
    old = purse.start()
    await ask(old, session)
    renewed = purse.start(key=new_key())

    statuses = [(await ask(renewed, session, key=key)).status for key in (old.key, renewed.key)]

    rows = await purse.ledger.settled(2)
    assert statuses == [401, 200]
    assert len({row["key_id"] for row in rows}) == 1


async def test_a_revoked_service_is_not_let_in_again_by_a_restart(purse: Purse, session: aiohttp.ClientSession) -> None:
    key = new_key()
    first = purse.start(key=key)
    with connect(purse.database.admin) as connection:
        connection.execute("UPDATE proxy.keys SET revoked_at = now() WHERE name = 'controller'")
    first.server.kill()

    assert (await ask(purse.start(key=key), session)).status == 401


@pytest.mark.parametrize("path", ["/v1/models", "/v1/key"])
def test_the_provider_is_not_asked_for_a_stranger(proxy: Proxy, path: str) -> None:
    with httpx.Client(base_url=proxy.url, headers={"Authorization": "Bearer ph_wrong"}) as stranger:
        assert stranger.get(path).status_code == httpx.codes.UNAUTHORIZED
