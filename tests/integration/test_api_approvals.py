"""Decisions through the API: it carries them for people, keeps everybody else away, and decides nothing itself."""

import re

import httpx
import pytest

from tests.fixtures.approvals_api import PERSON, Front, decide, paired
from tests.fixtures.controller import ALL_SCOPES

NOBODY = "6f1c2f1e-4b8f-4d0a-8a51-6a3f0c9b7d22"


async def test_a_person_sees_what_waits_signs_it_and_it_is_approved(front: Front) -> None:
    intent = await front.proposed()
    async with front.person() as http:
        ada = await paired(http)
        shown = (await http.get("/api/intents", params={"state": "awaiting_approval"})).json()["intents"]

        decided = await decide(http, ada, shown[0], "reject")

        assert [each["id"] for each in shown] == [intent["id"]]
        assert (decided.status_code, decided.json()["state"]) == (200, "rejected")
        assert (await http.get(f"/api/intents/{intent['id']}")).json()["decided_by"] == "approver ada"


async def test_an_edit_is_answered_with_what_is_different_now(front: Front) -> None:
    shown = await front.proposed()
    async with front.person() as http:
        ada = await paired(http)
        signed = ada.signs(shown["hash"], "edit", details={"stake": "12.5"})
        body = signed.model_dump(mode="json")

        answer = (await http.post(f"/api/intents/{shown['id']}/decision", json=body)).json()

        assert (answer["state"], answer["edited"]["state"]) == ("rejected", "awaiting_approval")
        assert answer["changes"]["stake"] == {"before": "20", "after": "12.5"}


async def test_without_a_signature_that_counts_even_a_persons_key_decides_nothing(front: Front) -> None:
    shown = await front.proposed()
    async with front.person() as http:
        ada = await paired(http)
        body = ada.signs(shown["hash"], "reject").model_dump(mode="json")

        forged = await http.post(f"/api/intents/{shown['id']}/decision", json=body | {"decision": "approve"})

        assert (forged.status_code, forged.json()["error"]["code"]) == (403, "forbidden")
        assert (await http.get(f"/api/intents/{shown['id']}")).json()["state"] == "awaiting_approval"


async def test_a_key_that_was_not_made_for_a_person_comes_near_nothing(front: Front) -> None:
    shown = await front.proposed()
    async with front.person() as http:
        ada = await paired(http)
    scopes = [each for each in PERSON if each != "money:decide"]
    async with front.controller.client(front.controller.add_key(user_id="ada", scopes=scopes)) as program:
        signed = ada.signs(shown["hash"], "approve").model_dump(mode="json")
        path = f"/api/intents/{shown['id']}"

        answers = [
            await program.get("/api/intents"),
            await program.get(path),
            await program.post(f"{path}/decision", json=signed),
            await program.post(f"{path}/links"),
            await program.get("/api/approvers"),
            await program.post("/api/approvers", json=ada.pairing().model_dump()),
            await program.post(f"/api/approvers/{NOBODY}/revoke", json=signed),
        ]

        assert {each.status_code for each in answers} == {403}
        assert {each.json()["error"]["message"] for each in answers} == {"this key lacks the scope 'money:decide'"}


async def test_another_users_intent_does_not_exist(front: Front) -> None:
    shown = await front.proposed(user_id="ada")
    async with front.person(user_id="bob") as http:
        bob = await paired(http, "bob")

        answers = [
            await http.get(f"/api/intents/{shown['id']}"),
            await decide(http, bob, shown, "approve"),
            await http.post(f"/api/intents/{shown['id']}/links"),
        ]

        assert (await http.get("/api/intents")).json() == {"intents": []}
        assert {each.status_code for each in answers} == {404}


async def test_opening_a_link_decides_nothing_and_its_button_decides_once(front: Front) -> None:
    intent = await front.proposed()
    async with front.person() as http:
        url = (await http.post(f"/api/intents/{intent['id']}/links")).json()["url"]
        async with httpx.AsyncClient() as anybody:
            pages = [await anybody.get(url) for _ in range(2)]
            before = (await http.get(f"/api/intents/{intent['id']}")).json()["state"]
            action = re.findall(r'action="([^"]+/reject)"', pages[0].text)[0]

            first = await anybody.post(str(httpx.URL(url).join(action)))
            second = await anybody.post(f"{url}/approve")
            later = await anybody.get(url)

        after = (await http.get(f"/api/intents/{intent['id']}")).json()

    assert [page.status_code for page in pages] == [200, 200]
    assert pages[0].headers["cache-control"] == "no-store"
    assert "&lt;b&gt;it fell&lt;/b&gt;" in pages[0].text
    assert before == "awaiting_approval"
    assert (first.status_code, second.status_code, later.status_code) == (200, 410, 410)
    assert (after["state"], after["decided_by"]) == ("rejected", "link")


async def test_beyond_its_cap_a_link_offers_to_reject_only(front: Front) -> None:
    intent = await front.proposed(stake="21")
    async with front.person() as http, httpx.AsyncClient() as anybody:
        url = (await http.post(f"/api/intents/{intent['id']}/links")).json()["url"]

        page = await anybody.get(url)
        refused = await anybody.post(f"{url}/approve")
        state = (await http.get(f"/api/intents/{intent['id']}")).json()["state"]

    assert "/reject" in page.text
    assert "/approve" not in page.text
    assert "21 is above 20" in page.text
    assert (refused.status_code, state) == (403, "awaiting_approval")


@pytest.mark.parametrize("scopes", [ALL_SCOPES, ()])
async def test_the_broker_itself_lets_in_none_of_the_controllers_keys(front: Front, scopes: tuple[str, ...]) -> None:
    key = front.controller.add_key(scopes=scopes)
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}) as http:
        answer = await http.get(f"{front.broker.base_url}/intents?user_id=ada")

    assert answer.status_code == httpx.codes.UNAUTHORIZED
