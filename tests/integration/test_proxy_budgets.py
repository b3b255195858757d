"""No cap is ever overspent, however many calls come at once and through however many proxies."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from pilothouse.errors import ForbiddenError
from pilothouse.keys import new_key
from pilothouse.models import ModelClient
from tests.fixtures import models
from tests.fixtures.purse import JOKE, Purse, ask, make_key

LASTING = {**JOKE, "model": "twin/slow:3"}  # so that all calls are under way at once


async def reservation(purse: Purse, session: aiohttp.ClientSession, body: Mapping[str, Any] = JOKE) -> Decimal:
    """What is reserved for a call."""
    await ask(purse.start(), session, body)
    [row] = await purse.ledger.settled(1)
    assert row["reserved_usd"] > row["cost_usd"] > 0
    return row["reserved_usd"]


@pytest.mark.parametrize("proxies", [1, 2])
async def test_200_calls_at_once_never_overspend_a_cap_of_five(
    purse: Purse, session: aiohttp.ClientSession, *, proxies: int
) -> None:
    one_usd = await reservation(purse, session, LASTING)
    spent_usd = await purse.billed_usd(1)
    cap_usd = spent_usd + 5 * one_usd
    key = new_key()
    started = [purse.start(key=key, PILOTHOUSE_BUDGET_USD=f"{cap_usd:f}") for _ in range(proxies)]

    replies = await asyncio.gather(*(ask(started[number % proxies], session, LASTING) for number in range(200)))

    counted = Counter(reply.status for reply in replies)
    assert counted.keys() == {200, 402}
    assert counted[200] >= 5
    assert {reply.limit_source for reply in replies if reply.status == 402} == {"pilothouse_budget"}
    assert await purse.billed_usd(201) <= cap_usd
    assert Counter(row["status"] for row in await purse.ledger.rows()) == {
        "settled": counted[200] + 1,
        "refused": counted[402],
    }


async def test_a_cap_that_is_used_up_says_so_and_what_to_do(purse: Purse, session: aiohttp.ClientSession) -> None:
    proxy = purse.start(PILOTHOUSE_BUDGET_USD="0.000001")

    reply = await ask(proxy, session)

    assert (reply.status, reply.limit_source) == (402, "pilothouse_budget")
    assert "0.000001 USD left" in reply.body["error"]["message"]
    assert "PILOTHOUSE_BUDGET_USD" in reply.body["error"]["metadata"]["hint"]
    assert purse.twin.billed() == []


async def test_a_day_has_a_cap_of_its_own(purse: Purse, session: aiohttp.ClientSession) -> None:
    proxy = purse.start(PILOTHOUSE_BUDGET_DAY_USD="0.000001")

    reply = await ask(proxy, session)

    assert (reply.status, reply.limit_source) == (402, "pilothouse_day_budget")


@pytest.mark.parametrize(
    ("limit", "source"),
    [("budget_usd", "pilothouse_key_budget"), ("budget_day_usd", "pilothouse_key_day_budget")],
)
async def test_a_keys_cap_stops_that_key_and_no_other(
    purse: Purse, session: aiohttp.ClientSession, *, limit: str, source: str
) -> None:
    proxy = purse.start()
    key = make_key(proxy, **{limit: "0.000001"})["key"]

    refused, other = await ask(proxy, session, key=key), await ask(proxy, session)

    assert (refused.status, refused.limit_source) == (402, source)
    assert other.status == 200


async def test_a_runs_cap_holds_for_all_of_its_calls(purse: Purse, session: aiohttp.ClientSession) -> None:
    one_usd = await reservation(purse, session)
    proxy = purse.start()
    headers = {"X-Pilothouse-Run": str(uuid4()), "X-Pilothouse-Run-Budget": f"{one_usd:f}"}

    first, second = await ask(proxy, session, headers=headers), await ask(proxy, session, headers=headers)
    other = await ask(proxy, session, headers={**headers, "X-Pilothouse-Run": str(uuid4())})

    assert (first.status, second.status, other.status) == (200, 402, 200)
    assert second.limit_source == "pilothouse_run_budget"


async def test_a_program_cannot_spend_in_a_runs_name(purse: Purse, session: aiohttp.ClientSession) -> None:
    proxy = purse.start()
    headers = {"X-Pilothouse-Run": str(uuid4()), "X-Pilothouse-Run-Budget": "0"}

    reply = await ask(proxy, session, key=make_key(proxy)["key"], headers=headers)

    [row] = await purse.ledger.settled(1)
    assert (reply.status, row["run_id"]) == (200, None)


@pytest.mark.parametrize("budget", ["much", "-1", "NaN", "1e9"])
async def test_a_budget_that_is_none_is_refused(purse: Purse, session: aiohttp.ClientSession, *, budget: str) -> None:
    reply = await ask(purse.start(), session, headers={"X-Pilothouse-Run-Budget": budget})

    assert reply.status == 422
    assert purse.twin.billed() == []


async def test_a_person_is_told_which_budget_of_the_run_had_no_room(
    purse: Purse, session: aiohttp.ClientSession
) -> None:
    proxy = purse.start()
    client = ModelClient(session=session, url=proxy.url, key=proxy.key)

    with pytest.raises(ForbiddenError, match="of this run") as raised:
        await client.complete(models.ask("pilothouse/rehearsal", budget_usd=Decimal("0.0001")), lambda _: None)

    assert "allow the run more" in raised.value.hint
    [row] = await purse.ledger.rows()  # one attempt, no retry
    assert row["status"] == "refused"


async def test_what_a_refused_call_would_have_cost_is_not_reserved(
    purse: Purse, session: aiohttp.ClientSession
) -> None:
    proxy = purse.start(PILOTHOUSE_BUDGET_USD="0.001")
    too_long = {**JOKE, "max_tokens": 1_000_000}

    replies = [await ask(proxy, session, body) for body in (too_long, too_long, JOKE)]

    assert [reply.status for reply in replies] == [402, 402, 200]
