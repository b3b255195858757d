"""Keys for programs: made, listed, revoked and rotated by the owner, and by nobody else."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from pilothouse.db import connect
from pilothouse.keys import hash_key, new_key
from tests.fixtures.proxy import KEY_SECRET, Proxy

LIMITS = {"scopes": ["chat"], "models": ["openai/gpt-4.1-mini"], "budget_usd": "5", "budget_day_usd": "0.50"}


def make(owner: httpx.Client, **asked: Any) -> dict[str, Any]:
    """A new key with a name of its own."""
    made = owner.post("/keys", json={"name": f"n8n-{uuid4().hex[:8]}", **asked})
    assert made.status_code == httpx.codes.CREATED, made.text
    return made.json()


def test_a_new_key_is_shown_once_and_only_its_hash_is_kept(proxy: Proxy) -> None:
    with proxy.owner() as owner:
        made = make(owner, **LIMITS)
        listed = next(each for each in owner.get("/keys").json()["keys"] if each["id"] == made["id"])

    with connect(proxy.database_url) as connection:
        [row] = connection.execute("SELECT keys::text AS row, hash FROM proxy.keys WHERE id = %s", (made["id"],))
    assert row["hash"] == hash_key(made["key"], secret=KEY_SECRET)
    assert made["key"] not in row["row"]
    assert {name: listed[name] for name in LIMITS} == LIMITS
    assert (listed["spent_usd"], listed["revoked_at"]) == ("0", None)
    assert not {"key", "hash"} & listed.keys()


def test_no_other_key_makes_keys_or_sees_them(proxy: Proxy) -> None:
    with proxy.owner() as owner:
        program = make(owner)["key"]
    refused = [
        httpx.request(method, f"{proxy.url}{path}", json={"name": "mine"}, headers={"Authorization": f"Bearer {key}"})
        for key in (proxy.key, program, new_key())
        for method, path in (("GET", "/keys"), ("POST", "/keys"), ("POST", f"/keys/{uuid4()}/rotate"))
    ]

    assert {each.status_code for each in refused} == {401}


def test_a_name_is_one_keys_for_good_also_after_it_was_revoked(proxy: Proxy) -> None:
    with proxy.owner() as owner:
        made = make(owner)
        owner.post(f"/keys/{made['id']}/revoke").raise_for_status()
        again = owner.post("/keys", json={"name": made["name"]})

    assert again.status_code == httpx.codes.CONFLICT
    assert "another name" in again.json()["error"]["hint"]


def test_a_rotated_key_keeps_its_name_and_limits_and_a_revoked_one_cannot_be_rotated(proxy: Proxy) -> None:
    with proxy.owner() as owner:
        made = make(owner, **LIMITS)
        rotated = owner.post(f"/keys/{made['id']}/rotate").json()
        owner.post(f"/keys/{made['id']}/revoke").raise_for_status()
        late = owner.post(f"/keys/{made['id']}/rotate")

    assert rotated["key"] != made["key"]
    assert rotated == made | {"key": rotated["key"]}
    assert late.status_code == httpx.codes.NOT_FOUND


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"name": "no spaces"}, "name"),
        ({"budget_usd": "-1"}, "budget_usd"),
        ({"budget_usd": "NaN"}, "budget_usd"),
        ({"scopes": ["keys"]}, "scopes"),
        ({"models": []}, "models"),
        ({"expires_at": (datetime.now(UTC) - timedelta(days=1)).isoformat()}, "expires_at"),
        ({"is_service": True}, "is_service"),
    ],
)
def test_what_does_not_fit_is_named(proxy: Proxy, wrong: dict[str, Any], named: str) -> None:
    with proxy.owner() as owner:
        refused = owner.post("/keys", json={"name": "fits", **wrong})

    assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert named in refused.json()["error"]["message"]
