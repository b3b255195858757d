"""An edit makes another intent, which is judged like any other and waits for a signature of its own."""

from datetime import timedelta
from decimal import Decimal

import pytest

from broker.edits import difference
from pilothouse.errors import BadInputError, ConflictError, ForbiddenError
from tests.fixtures.approvals import Office


async def test_an_edited_intent_is_replaced_by_one_that_waits(office: Office) -> None:
    ada, intent = await office.paired("ada"), await office.has(tainted=True, price_seen=Decimal(3000))
    office.clock.go_on(seconds=20)
    signed = ada.signs(intent.hash, "edit", details={"stake": "25.5"})

    old = await office.decisions.decide(intent.id, signed, user_id="ada")

    assert old.replaced_by is not None
    new = await office.intents.books.get(old.replaced_by)
    assert (old.state, old.decided_by, old.note) == ("rejected", "approver ada", "edited")
    assert (new.state, new.stake, new.replaces, new.decided_by) == (
        "awaiting_approval",
        Decimal("25.5"),
        intent.id,
        None,
    )
    assert new.tainted
    assert new.expires_at == intent.expires_at + timedelta(seconds=20)
    assert difference(old, new)["stake"] == ("20", "25.5")
    assert difference(old, new).keys() == {"id", "stake", "expires_at"}


async def test_the_signature_under_an_edit_approves_nothing(office: Office) -> None:
    ada, intent = await office.paired("ada"), await office.has()
    edit = ada.signs(intent.hash, "edit", details={"stake": "25"})
    new_id = (await office.decisions.decide(intent.id, edit, user_id="ada")).replaced_by
    assert new_id is not None

    with pytest.raises(ForbiddenError, match="about something else"):
        await office.decisions.decide(new_id, ada.signs(intent.hash, "approve"), user_id="ada")
    with pytest.raises(ConflictError, match="is rejected"):
        await office.decisions.decide(intent.id, ada.signs(intent.hash, "approve"), user_id="ada")

    new = await office.intents.books.get(new_id)
    approved = await office.decisions.decide(new_id, ada.signs(new.hash, "approve"), user_id="ada")
    assert approved.state == "approved"


async def test_the_same_edit_again_makes_no_second_intent(office: Office) -> None:
    ada, intent = await office.paired("ada"), await office.has()
    signed = ada.signs(intent.hash, "edit", details={"stake": "25"})

    first = await office.decisions.decide(intent.id, signed, user_id="ada")
    again = await office.decisions.decide(intent.id, signed, user_id="ada")

    assert again.replaced_by == first.replaced_by
    assert len(await office.intents.books.newest(user_id="ada", states=None, limit=10)) == 2


async def test_an_edit_beyond_the_limits_leaves_everything_as_it_was(office: Office) -> None:
    ada, intent = await office.paired("ada"), await office.has()

    with pytest.raises(ConflictError, match="so changed it would be refused: "):
        await office.decisions.decide(
            intent.id, ada.signs(intent.hash, "edit", details={"stake": "500"}), user_id="ada"
        )

    assert await office.intents.state(intent) == "awaiting_approval"
    assert len(await office.intents.books.newest(user_id="ada", states=None, limit=10)) == 1


@pytest.mark.parametrize(
    ("details", "said"),
    [
        ({}, "cannot change nothing"),
        ({"pair": "BTC/USDT"}, "cannot change pair"),
        ({"tainted": "false"}, "cannot change tainted"),
        ({"amount": "1"}, "cannot change amount"),
        ({"stake": "-5"}, "stake: "),
        ({"stake": "NaN"}, "stake: "),
        ({"stake": "a lot"}, "stake: "),
    ],
)
async def test_what_is_no_edit_changes_nothing(office: Office, details: dict[str, str], said: str) -> None:
    ada, intent = await office.paired("ada"), await office.has()

    with pytest.raises(BadInputError, match=said):
        await office.decisions.decide(intent.id, ada.signs(intent.hash, "edit", details=details), user_id="ada")

    assert await office.intents.state(intent) == "awaiting_approval"
