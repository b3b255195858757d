"""Whose signature counts: only those who were paired with the secret, and only until they are revoked."""

from datetime import timedelta
from uuid import uuid4

import pytest

from broker.approvers import Pairing
from pilothouse.errors import BadInputError, ConflictError, ForbiddenError, NotFoundError
from pilothouse.signing import pairing_proof
from tests.fixtures.approvals import Office, Person


async def test_a_person_who_has_the_pairing_secret_is_paired_once(office: Office) -> None:
    ada = Person("ada", office.clock)

    first = await office.approvers.pair(ada.pairing())
    again = await office.approvers.pair(ada.pairing())

    assert first == again
    assert [(each.name, each.public_key, each.revoked_at) for each in await office.approvers.list_all()] == [
        ("ada", ada.public_key, None)
    ]


async def test_without_the_pairing_secret_nobody_is_paired(office: Office) -> None:
    mallory = Person("mallory", office.clock)

    with pytest.raises(ForbiddenError, match="the pairing secret"):
        await office.approvers.pair(mallory.pairing(secret="guessed" * 5))

    assert await office.approvers.list_all() == []


async def test_a_proof_pairs_no_other_key_and_no_other_name(office: Office) -> None:
    ada, mallory = Person("ada", office.clock), Person("mallory", office.clock)
    proof = ada.pairing().proof

    for name, public_key in (("ada", mallory.public_key), ("mallory", ada.public_key)):
        with pytest.raises(ForbiddenError, match="the pairing secret"):
            await office.approvers.pair(Pairing(name=name, public_key=public_key, proof=proof))


async def test_what_is_no_point_on_the_curve_is_no_key(office: Office) -> None:
    off_the_curve = "04" + "11" * 64
    proof = pairing_proof(name="ada", public_key=off_the_curve, secret="pairing" * 5)

    with pytest.raises(BadInputError, match="no point on the curve"):
        await office.approvers.pair(Pairing(name="ada", public_key=off_the_curve, proof=proof))


async def test_a_revoked_key_decides_nothing_and_cannot_be_paired_again(office: Office) -> None:
    ada, bob = await office.paired("ada"), await office.paired("bob")
    lost = (await office.approvers.pair(bob.pairing())).id
    intent = await office.has()

    revoked = await office.approvers.revoke(lost, ada.signs(str(lost), "revoke"))

    assert revoked.revoked_at == office.clock()
    with pytest.raises(ForbiddenError, match="was revoked"):
        await office.decisions.decide(intent.id, bob.signs(intent.hash, "approve"), user_id="ada")
    with pytest.raises(ConflictError, match="was revoked, for good"):
        await office.approvers.pair(bob.pairing())
    assert await office.intents.state(intent) == "awaiting_approval"


async def test_revoking_needs_a_signature_about_this_approver(office: Office) -> None:
    ada, bob = await office.paired("ada"), await office.paired("bob")
    hers, his = (each.id for each in await office.approvers.list_all())

    with pytest.raises(ForbiddenError, match="about something else"):
        await office.approvers.revoke(hers, bob.signs(str(his), "revoke"))
    with pytest.raises(BadInputError, match="no decision on an approver"):
        await office.approvers.revoke(hers, ada.signs(str(hers), "approve"))
    nobody = uuid4()
    with pytest.raises(NotFoundError, match="there is no approver"):
        await office.approvers.revoke(nobody, ada.signs(str(nobody), "revoke"))

    assert [each.revoked_at for each in await office.approvers.list_all()] == [None, None]


@pytest.mark.parametrize("valid_for", [timedelta(0), timedelta(minutes=11)])
async def test_a_statement_is_good_for_minutes_only(office: Office, valid_for: timedelta) -> None:
    ada, intent = await office.paired("ada"), await office.has()
    signed = ada.signs(intent.hash, "approve", valid_for=valid_for)

    with pytest.raises(ForbiddenError, match="has expired, or is good for too long"):
        await office.decisions.decide(intent.id, signed, user_id="ada")

    assert await office.intents.state(intent) == "awaiting_approval"
