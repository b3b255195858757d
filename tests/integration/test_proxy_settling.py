"""What was cut off is settled by the provider's own record; until then its reservation stays, whatever was killed."""

import asyncio
from decimal import Decimal

import aiohttp
import pytest

from pilothouse.keys import new_key
from tests.fixtures.openrouter_twin import OpenRouterTwin
from tests.fixtures.processes import Launcher
from tests.fixtures.proofs_outages import OwnDatabase
from tests.fixtures.proxy import Proxy
from tests.fixtures.purse import JOKE, Purse, Reply, ask
from tests.fixtures.waiting import POLL_S, until

STREAMED = {**JOKE, "stream": True}
OUTAGE_S = 10


@pytest.mark.parametrize("model", ["twin/error-mid-stream", "twin/dropped", "twin/truncated", "twin/garbage"])
async def test_an_answer_that_broke_off_is_settled_with_what_the_provider_billed(
    purse: Purse, session: aiohttp.ClientSession, model: str
) -> None:
    proxy = purse.start()

    async with await proxy.ask(session, body={**STREAMED, "model": model}) as answer:
        await answer.read()

    assert await purse.billed_usd(1) > 0
    [row] = await purse.ledger.rows()
    assert (row["status"], row["provider"]) == ("settled", "Pilothouse Twin")


async def test_a_client_that_leaves_is_charged_for_what_was_produced(
    purse: Purse, session: aiohttp.ClientSession
) -> None:
    proxy = purse.start()
    answer = await proxy.ask(session, body={**STREAMED, "model": "twin/trickle"})
    await answer.content.readuntil(b'"content"')

    answer.close()

    assert await purse.billed_usd(1) > 0


async def test_a_proxy_killed_in_mid_answer_leaves_the_reservation_until_the_provider_says_what_it_cost(
    purse: Purse, session: aiohttp.ClientSession
) -> None:
    key = new_key()
    killed = purse.start(key=key)
    answer = await killed.ask(session, body={**STREAMED, "model": "twin/trickle"})
    await answer.content.readuntil(b'"content"')
    await purse.ledger.until(lambda rows: rows[0]["generation_id"] is not None)
    killed.server.kill()

    [row] = await purse.ledger.rows()
    assert (row["status"], row["cost_usd"]) == ("open", None)
    assert purse.budget("all") == (0, row["reserved_usd"])
    not_two_usd = row["reserved_usd"] * Decimal("1.9")
    next_one = purse.start(key=key, PILOTHOUSE_BUDGET_USD=f"{not_two_usd:f}")
    refused = await ask(next_one, session)
    assert refused.limit_source == "pilothouse_budget"

    purse.ledger.age(minutes=1)
    assert await purse.billed_usd(2) > 0
    assert (await ask(next_one, session)).status == 200


async def test_a_proxy_killed_before_the_provider_said_anything_keeps_its_reservation(
    purse: Purse, session: aiohttp.ClientSession
) -> None:
    killed = purse.start()
    asking = asyncio.create_task(ask(killed, session, {**JOKE, "model": "twin/slow:30"}))
    await until(lambda: purse.twin.in_flight() > 0)
    killed.server.kill()
    with pytest.raises(aiohttp.ClientError):
        await asking
    purse.ledger.age(minutes=60)

    await ask(purse.start(), session)

    [row, _] = await purse.ledger.until(lambda rows: rows[-1]["status"] == "settled")
    assert (row["status"], row["cost_usd"]) == ("open", None)
    assert purse.budget("all")[1] == row["reserved_usd"] > 0


async def test_a_database_that_is_down_for_ten_seconds_loses_no_cost_and_lets_no_call_through_unrecorded(
    own_database: OwnDatabase,
    own_launcher: Launcher,
    unbilled_twin: OpenRouterTwin,
    session: aiohttp.ClientSession,
) -> None:
    purse = Purse(own_launcher, own_database.open(), unbilled_twin)
    proxy = purse.start()
    whole = asyncio.create_task(ask(proxy, session, {**JOKE, "model": "twin/slow:3"}))
    streamed = asyncio.create_task(_streamed(proxy, session, "twin/trickle:0.3"))
    await until(lambda: unbilled_twin.in_flight() == 2)

    own_database.kill()
    meanwhile = [await ask(proxy, session) for _ in range(3)]
    await asyncio.sleep(OUTAGE_S)
    own_database.start()

    assert {reply.status for reply in meanwhile} == {503}
    assert (await whole).status == 200
    assert "[DONE]" in await streamed
    assert (await _once_the_ledger_is_back(proxy, session)).status == 200
    await purse.billed_usd(3)


async def _streamed(proxy: Proxy, session: aiohttp.ClientSession, model: str) -> str:
    async with await proxy.ask(session, body={**STREAMED, "model": model}) as answer:
        return await answer.text()


async def _once_the_ledger_is_back(proxy: Proxy, session: aiohttp.ClientSession) -> Reply:
    """The proxy's connections are tried again ever more rarely."""
    while True:
        reply = await ask(proxy, session)
        if reply.status != 503:
            return reply
        await asyncio.sleep(POLL_S)
