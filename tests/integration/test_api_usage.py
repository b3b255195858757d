"""GET /api/usage: whoever may see all sees all, everybody else what their own runs cost."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.fixtures.controller import ALL_SCOPES, Controller, StartController

SINCE = {"since": "2020-01-01T00:00:00Z"}


async def usage(controller: Controller, key: str, **asked: str) -> dict[str, Any]:
    """What a key is told."""
    async with controller.client(key) as http:
        answer = await http.get("/api/usage", params=SINCE | asked)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()


@pytest.fixture
async def asked(start_own_controller: StartController) -> tuple[Controller, dict[str, Decimal]]:
    """Ada asked twice and Bob once; and what each paid."""
    controller = start_own_controller("pilothouse/rehearsal")
    paid: dict[str, Decimal] = {}
    for user in ("ada", "ada", "bob"):
        async with controller.client(controller.add_key(user_id=user)) as http:
            told = (await http.post("/api/chat", json={"message": "Tell me a joke"})).json()
        paid[user] = paid.get(user, Decimal(0)) + Decimal(told["cost_usd"])
    return controller, paid


async def test_people_see_their_own_runs_and_whoever_may_sees_everything(
    asked: tuple[Controller, dict[str, Decimal]],
) -> None:
    controller, paid = asked
    keys = {user: controller.add_key(user_id=user) for user in ("ada", "bob", "eve")}
    told = {user: await usage(controller, key, by="run") for user, key in keys.items()}
    everything = await usage(controller, controller.add_key(user_id="eve", scopes=[*ALL_SCOPES, "spend:read"]))

    assert {user: Decimal(each["total"]["spent_usd"]) for user, each in told.items() if each["total"]} == paid
    assert (len(told["ada"]["rows"]), len(told["bob"]["rows"]), told["eve"]["rows"]) == (2, 1, [])
    assert {each["covers"] for each in told.values()} == {"your runs"}
    assert (everything["covers"], everything["by"]) == ("everything", "day")
    assert Decimal(everything["total"]["spent_usd"]) >= sum(paid.values()) > 0


async def test_a_key_without_the_scope_to_read_is_told_nothing(controller: Controller) -> None:
    async with controller.client(controller.add_key(scopes=["chat"])) as http:
        refused = await http.get("/api/usage")

    assert refused.status_code == httpx.codes.FORBIDDEN


@pytest.mark.parametrize(
    "wrong", [{"by": "owner"}, {"since": "yesterday"}, {"since": "2026-11-01T00:00:00"}, {"of": "bob"}]
)
async def test_what_cannot_be_asked_is_refused(controller: Controller, wrong: dict[str, str]) -> None:
    async with controller.client(controller.add_key()) as http:
        refused = await http.get("/api/usage", params=wrong)

    assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY
