"""Proposals judged with a real PostgreSQL: what is refused, what waits, and what only one of many may have."""

import pytest

from broker.desk import Desk
from pilothouse.errors import ConflictError
from tests.fixtures.limits import an_entry_request, codes


async def test_an_entry_within_every_limit_awaits_a_person(desk: Desk) -> None:
    intent = await desk.propose("controller", an_entry_request())

    assert (intent.state, intent.refusals) == ("awaiting_approval", [])


async def test_a_refused_entry_names_every_reason(desk: Desk) -> None:
    intent = await desk.propose("controller", an_entry_request(pair="DOGE/EUR", stake="500"))

    assert intent.state == "refused"
    assert codes(intent) == {"allowed_pairs", "max_stake", "max_exposure"}


async def test_the_same_key_with_the_same_body_is_the_same_intent(desk: Desk) -> None:
    first = await desk.propose("controller", an_entry_request(stake="50"))
    again = await desk.propose("controller", an_entry_request(stake="50.0"))

    assert again == first


async def test_the_same_key_with_another_body_is_a_conflict(desk: Desk) -> None:
    await desk.propose("controller", an_entry_request(stake="50"))

    with pytest.raises(ConflictError, match="already names intent"):
        await desk.propose("controller", an_entry_request(stake="51"))
