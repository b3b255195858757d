"""A link decides one intent, once: it may always reject, and approves only small pretended entries."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from pilothouse.db import connect
from pilothouse.errors import ConflictError, ForbiddenError, GoneError, NotFoundError, PilothouseError
from tests.fixtures.approvals import Office
from tests.fixtures.postgres import DatabaseUrls

EXIT: dict[str, Any] = {"action": "exit", "stake": None, "trade_id": 1}


async def test_a_link_approves_an_entry_up_to_its_cap(office: Office) -> None:
    intent = await office.has(stake=Decimal(20))
    token = (await office.links.mint(intent.id, user_id="ada")).token

    approved = await office.links.approve(token)

    assert (approved.state, approved.decided_by) == ("approved", "link")
    assert [each["kind"] for each in await office.log()][-3:] == ["link.minted", "link.used", "intent.approved"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"stake": Decimal("20.01")}, "20.01 is above 20"),
        ({"tainted": True}, "text that others wrote"),
        ({"mode": "live"}, "pretended entries only"),
        (EXIT, "pretended entries only"),
    ],
)
async def test_for_anything_else_it_may_only_reject(office: Office, fields: dict[str, Any], said: str) -> None:
    intent = await office.has(**fields)
    token = (await office.links.mint(intent.id, user_id="ada")).token

    with pytest.raises(ForbiddenError, match=said):
        await office.links.approve(token)
    assert said in (await office.links.look(token)).only_reject
    assert await office.intents.state(intent) == "awaiting_approval"

    assert (await office.links.reject(token)).state == "rejected"


async def test_looking_decides_nothing_however_often(office: Office) -> None:
    intent = await office.has()
    token = (await office.links.mint(intent.id, user_id="ada")).token
    log = await office.log()

    offers = [await office.links.look(token) for _ in range(3)]

    assert {(each.intent.id, each.intent.state) for each in offers} == {(intent.id, "awaiting_approval")}
    assert await office.log() == log


async def test_a_link_works_once(office: Office) -> None:
    intent = await office.has()
    token = (await office.links.mint(intent.id, user_id="ada")).token
    await office.links.reject(token)

    for use in (office.links.approve, office.links.reject, office.links.look):
        with pytest.raises(GoneError, match="was used"):
            await use(token)


async def test_of_two_who_use_links_at_once_one_decides(office: Office) -> None:
    intent = await office.has()
    tokens = [(await office.links.mint(intent.id, user_id="ada")).token for _ in range(2)]

    answers = await asyncio.gather(
        *(use(token) for use in (office.links.approve, office.links.reject) for token in tokens),
        return_exceptions=True,
    )

    assert sum(not isinstance(each, BaseException) for each in answers) == 1
    assert sum(isinstance(each, PilothouseError) for each in answers) == 3


async def test_a_link_dies_with_its_intent(office: Office) -> None:
    intent = await office.has()
    token = (await office.links.mint(intent.id, user_id="ada")).token
    office.clock.go_on(minutes=15)

    with pytest.raises(GoneError, match="has expired"):
        await office.links.reject(token)
    with pytest.raises(ConflictError, match="expired unanswered"):
        await office.links.mint(intent.id, user_id="ada")


async def test_a_link_is_minted_only_for_ones_own_intent_that_waits(office: Office) -> None:
    intent, decided = await office.has(), await office.has("approved")

    with pytest.raises(NotFoundError, match="there is no intent"):
        await office.links.mint(intent.id, user_id="bob")
    with pytest.raises(ConflictError, match="nothing waits for a decision"):
        await office.links.mint(decided.id, user_id="ada")
    with pytest.raises(NotFoundError, match="no such link"):
        await office.links.look("A" * 43)


async def test_the_database_does_not_know_the_token(office: Office, database_urls: DatabaseUrls) -> None:
    intent = await office.has()
    token = (await office.links.mint(intent.id, user_id="ada")).token

    with connect(database_urls.admin) as connection:
        stored = connection.execute("SELECT * FROM broker.links").fetchall()
        log = connection.execute("SELECT body FROM broker.audit").fetchall()

    assert len(stored) == 1
    assert token not in repr(stored + log)
