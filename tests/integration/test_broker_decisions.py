"""Decisions count because of a signature over exactly what would be done, once, and in time."""

import pytest

from broker.intents import State, signed_content
from pilothouse.db import connect
from pilothouse.errors import BadInputError, ConflictError, ForbiddenError, NotFoundError
from pilothouse.signing import digest
from tests.fixtures.approvals import Office, Person
from tests.fixtures.postgres import DatabaseUrls

RAISE_STAKE = "UPDATE broker.intents SET stake = 100"


@pytest.mark.parametrize(("decision", "state"), [("approve", "approved"), ("reject", "rejected")])
async def test_what_an_approver_signs_is_done_and_is_in_the_audit_log(
    office: Office, decision: str, state: str
) -> None:
    ada, intent = await office.paired("ada"), await office.has()
    signed = ada.signs(intent.hash, decision)

    decided = await office.decisions.decide(intent.id, signed, user_id="ada")

    log = await office.log()
    assert (decided.state, decided.decided_by) == (state, "approver ada")
    assert [each["kind"] for each in log[-2:]] == [f"signed.{decision}", f"intent.{state}"]
    assert signed.signature in log[-2]["body"]


async def test_a_forged_signature_decides_nothing(office: Office) -> None:
    ada, intent = await office.paired("ada"), await office.has()
    mallory = Person("mallory", office.clock)
    forged = mallory.signs(intent.hash, "approve").model_copy(update={"public_key": ada.public_key})

    with pytest.raises(ForbiddenError, match="the signature does not fit"):
        await office.decisions.decide(intent.id, forged, user_id="ada")

    assert await office.intents.state(intent) == "awaiting_approval"


@pytest.mark.parametrize(
    "changed", [{"decision": "approve"}, {"nonce": "another-nonce-0001"}, {"details": {"note": "of others"}}]
)
async def test_nothing_of_a_signed_statement_can_be_changed(office: Office, changed: dict[str, object]) -> None:
    ada, intent = await office.paired("ada"), await office.has()
    changed_on_the_way = ada.signs(intent.hash, "reject").model_copy(update=changed)

    with pytest.raises(ForbiddenError, match="the signature does not fit"):
        await office.decisions.decide(intent.id, changed_on_the_way, user_id="ada")

    assert await office.intents.state(intent) == "awaiting_approval"


async def test_a_key_that_was_never_paired_decides_nothing(office: Office) -> None:
    await office.paired("ada")
    intent, mallory = await office.has(), Person("mallory", office.clock)

    with pytest.raises(ForbiddenError, match="it is not paired"):
        await office.decisions.decide(intent.id, mallory.signs(intent.hash, "approve"), user_id="ada")

    assert await office.intents.state(intent) == "awaiting_approval"


async def test_a_signature_for_one_intent_decides_no_other(office: Office) -> None:
    ada, seen, other = await office.paired("ada"), await office.has(), await office.has()

    with pytest.raises(ForbiddenError, match="about something else"):
        await office.decisions.decide(other.id, ada.signs(seen.hash, "approve"), user_id="ada")

    assert await office.intents.state(other) == "awaiting_approval"


async def test_who_was_shown_another_stake_has_signed_something_else(office: Office) -> None:
    ada, intent = await office.paired("ada"), await office.has()
    shown = signed_content(intent) | {"stake": "2"}

    with pytest.raises(ForbiddenError, match="about something else"):
        await office.decisions.decide(intent.id, ada.signs(digest(shown), "approve"), user_id="ada")

    assert await office.intents.state(intent) == "awaiting_approval"


async def test_an_intent_changed_in_the_database_cannot_be_approved_any_more(
    office: Office, database_urls: DatabaseUrls
) -> None:
    ada, intent = await office.paired("ada"), await office.has()
    with connect(database_urls.admin) as connection:
        connection.execute(RAISE_STAKE)

    with pytest.raises(ForbiddenError, match="about something else"):
        await office.decisions.decide(intent.id, ada.signs(intent.hash, "approve"), user_id="ada")


async def test_the_same_statement_again_does_nothing_again(office: Office) -> None:
    ada, intent = await office.paired("ada"), await office.has()
    signed = ada.signs(intent.hash, "approve")
    first = await office.decisions.decide(intent.id, signed, user_id="ada")
    log = await office.log()

    again = await office.decisions.decide(intent.id, signed, user_id="ada")

    assert again == first
    assert await office.log() == log


async def test_a_nonce_is_good_for_one_statement(office: Office) -> None:
    ada, one, other = await office.paired("ada"), await office.has(), await office.has()
    nonce = "0123456789abcdef"
    await office.decisions.decide(one.id, ada.signs(one.hash, "approve", nonce=nonce), user_id="ada")

    with pytest.raises(ConflictError, match="nonce was used for another statement"):
        await office.decisions.decide(other.id, ada.signs(other.hash, "approve", nonce=nonce), user_id="ada")

    assert await office.intents.state(other) == "awaiting_approval"


async def test_a_statement_that_was_kept_back_is_worth_nothing(office: Office) -> None:
    ada, intent = await office.paired("ada"), await office.has()
    signed = ada.signs(intent.hash, "approve")
    office.clock.go_on(minutes=2)

    with pytest.raises(ForbiddenError, match="has expired"):
        await office.decisions.decide(intent.id, signed, user_id="ada")

    assert await office.intents.state(intent) == "awaiting_approval"


async def test_what_nobody_answered_in_time_cannot_be_approved(office: Office) -> None:
    ada, intent = await office.paired("ada"), await office.has()
    office.clock.go_on(minutes=15)

    with pytest.raises(ConflictError, match="expired unanswered"):
        await office.decisions.decide(intent.id, ada.signs(intent.hash, "approve"), user_id="ada")


async def test_what_is_decided_is_decided(office: Office) -> None:
    ada, intent = await office.paired("ada"), await office.has()
    await office.decisions.decide(intent.id, ada.signs(intent.hash, "reject"), user_id="ada")

    with pytest.raises(ConflictError, match="is rejected: nothing waits for a decision"):
        await office.decisions.decide(intent.id, ada.signs(intent.hash, "approve"), user_id="ada")

    assert await office.intents.state(intent) == "rejected"


async def test_another_users_intent_does_not_exist(office: Office) -> None:
    ada, intent = await office.paired("ada"), await office.has()

    with pytest.raises(NotFoundError, match="there is no intent"):
        await office.decisions.decide(intent.id, ada.signs(intent.hash, "approve"), user_id="bob")
    with pytest.raises(NotFoundError, match="there is no intent"):
        await office.intents.books.get_own(intent.id, user_id="bob")

    assert await office.intents.state(intent) == "awaiting_approval"


async def test_an_unknown_word_is_no_decision(office: Office) -> None:
    ada, intent = await office.paired("ada"), await office.has()

    with pytest.raises(BadInputError, match="'maybe' is no decision"):
        await office.decisions.decide(intent.id, ada.signs(intent.hash, "maybe"), user_id="ada")


@pytest.mark.parametrize("fate", ["filled", "failed"])
async def test_a_person_says_what_became_of_an_intent_whose_fate_is_unknown(office: Office, fate: str) -> None:
    ada, intent = await office.paired("ada"), await office.has("unknown")
    signed = ada.signs(intent.hash, fate, details={"note": "the exchange says so"})

    resolved = await office.decisions.decide(intent.id, signed, user_id="ada")

    assert (resolved.state, resolved.note) == (fate, "ada says so: the exchange says so")
    assert resolved.decided_by == "a test"


@pytest.mark.parametrize("state", ["awaiting_approval", "approved", "submitting", "submitted"])
async def test_nobody_can_say_that_of_another(office: Office, state: State) -> None:
    ada, intent = await office.paired("ada"), await office.has(state)

    with pytest.raises(ConflictError, match="its fate is no question"):
        await office.decisions.decide(intent.id, ada.signs(intent.hash, "filled"), user_id="ada")

    assert await office.intents.state(intent) == state


async def test_an_approval_carries_nothing_else(office: Office) -> None:
    ada, intent = await office.paired("ada"), await office.has()
    signed = ada.signs(intent.hash, "approve", details={"stake": "100"})

    with pytest.raises(BadInputError, match="'approve' has no stake"):
        await office.decisions.decide(intent.id, signed, user_id="ada")
