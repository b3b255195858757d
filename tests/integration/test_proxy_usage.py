"""What was spent, by whom, on what, and what is left: exact, and nobody sees more than they may."""

from decimal import Decimal
from uuid import uuid4

import httpx
import pytest

from pilothouse.db import connect
from tests.fixtures.spend import SINCE, Spending


@pytest.mark.parametrize("by", ["day", "key", "run", "model", "node", "provider"])
def test_sums_are_what_the_provider_billed_to_the_last_digit(spending: Spending, by: str) -> None:
    keys = [spending.make_key()["key"] for _ in range(2)]
    for key in (*keys, spending.proxy.key):
        for model in ("openai/gpt-4.1-mini", "anthropic/claude-haiku-4.5"):
            spending.ask(key, model, headers={"X-Pilothouse-Run": str(uuid4()), "X-Pilothouse-Node": "think"})

    usage = spending.usage(by)

    total = spending.twin.total_usd()
    assert total > 0
    assert sum(Decimal(row["spent_usd"]) for row in usage["rows"]) == total
    assert Decimal(usage["total"]["spent_usd"]) == total
    assert usage["total"]["calls"] == 6
    whats = {"day": 1, "key": 3, "run": 3, "model": 2, "node": 1, "provider": 1}  # programs have no runs
    assert len(usage["rows"]) == whats[by]


def test_a_program_sees_what_it_spent_and_has_left_and_nothing_of_others(spending: Spending) -> None:
    mine, other = spending.make_key(budget_usd="1"), spending.make_key(budget_usd="2")
    spending.ask(mine["key"])
    spending.ask(other["key"], "anthropic/claude-haiku-4.5")

    with httpx.Client(base_url=spending.proxy.url, headers={"Authorization": f"Bearer {mine['key']}"}) as program:
        usage = program.get("/usage", params={"by": "key", **SINCE}).json()
        asked = (("GET", "/status"), ("POST", "/reconcile"), ("GET", "/keys"))
        refused = [program.request(method, path).status_code for method, path in asked]

    billed = Decimal(spending.twin.billed()[0]["cost_usd"])
    assert [row["what"] for row in usage["rows"]] == [mine["name"]]
    assert Decimal(usage["total"]["spent_usd"]) == billed
    [budget] = usage["budgets"]
    assert (budget["kind"], budget["name"]) == ("key", mine["name"])
    assert Decimal(budget["left_usd"]) == 1 - billed
    assert refused == [401, 401, 401]


def test_a_program_is_told_of_its_own_key_as_openrouter_tells_of_one(spending: Spending) -> None:
    limited, unlimited = spending.make_key(budget_usd="1"), spending.make_key()
    spending.ask(limited["key"])
    spending.ask(spending.proxy.key, "anthropic/claude-haiku-4.5")

    told = [
        httpx.get(f"{spending.proxy.url}/v1/key", headers={"Authorization": f"Bearer {each['key']}"}).json()["data"]
        for each in (limited, unlimited)
    ]

    billed = Decimal(spending.twin.billed()[0]["cost_usd"])
    assert told[0] == {
        "label": limited["name"],
        "limit": 1.0,
        "limit_remaining": float(1 - billed),
        "usage": float(billed),
        "usage_daily": float(billed),
        "expires_at": None,
    }
    assert (told[1]["limit"], told[1]["limit_remaining"], told[1]["usage"]) == (None, None, 0.0)


def test_what_is_refused_costs_nothing_and_is_told_with_its_reason(spending: Spending) -> None:
    poor = spending.make_key(budget_usd="0.000001")

    refused = spending.ask(poor["key"])

    status = spending.owner("GET", "/status")
    [told] = status["refusals"]
    usage = spending.usage("key")
    assert refused.status_code == httpx.codes.PAYMENT_REQUIRED
    assert (told["caller"], told["asked_model"]) == (poor["name"], "openai/gpt-4.1-mini")
    assert "key" in told["error"]
    assert (usage["total"]["refused"], usage["total"]["spent_usd"], usage["total"]["reserved_usd"]) == (1, "0", "0")
    assert spending.twin.billed() == []


def test_a_revoked_and_a_replaced_key_are_refused_at_once(spending: Spending) -> None:
    revoked, replaced = spending.make_key(), spending.make_key()
    before = [spending.ask(each["key"]).status_code for each in (revoked, replaced)]

    spending.owner("POST", f"/keys/{revoked['id']}/revoke")
    new = spending.owner("POST", f"/keys/{replaced['id']}/rotate")["key"]
    after = [spending.ask(key).status_code for key in (revoked["key"], replaced["key"], new)]

    assert (before, after) == ([200, 200], [401, 401, 200])


def test_a_key_that_has_expired_is_refused(spending: Spending) -> None:
    key = spending.make_key(expires_at="2999-01-01T00:00:00Z")
    with connect(spending.proxy.database_url) as connection:
        connection.execute("UPDATE proxy.keys SET expires_at = now() WHERE id = %s", (key["id"],))

    refused = spending.ask(key["key"])

    assert refused.status_code == httpx.codes.UNAUTHORIZED
    assert "expired" in refused.json()["error"]["message"]


def test_a_key_is_held_to_its_models_and_scopes(spending: Spending) -> None:
    chats = spending.make_key(models=["openai/gpt-4.1-mini"], scopes=["chat"])
    embeds = spending.make_key(scopes=["embeddings"])

    answers = [
        spending.ask(chats["key"]),
        spending.ask(chats["key"], "anthropic/claude-haiku-4.5"),
        spending.ask(embeds["key"]),
    ]

    assert [each.status_code for each in answers] == [200, 403, 403]


def test_status_says_whether_the_provider_answers_and_what_is_left(spending: Spending) -> None:
    spending.ask(spending.proxy.key)

    status = spending.owner("GET", "/status")

    assert status["provider"]["reachable"]
    assert Decimal(status["provider"]["used_usd"]["ever"]) == spending.twin.total_usd()
    [everything] = [each for each in status["budgets"] if each["kind"] == "all"]
    assert Decimal(everything["spent_usd"]) == spending.twin.total_usd()
    assert (everything["limit_usd"], everything["left_usd"]) == (None, None)
    assert status["unsettled"] == []
