"""Ledger against provider, to the dollar; what is not settled, and why; and a person who settles it."""

import asyncio
from decimal import Decimal
from typing import Any

import httpx
import pytest

from pilothouse.db import connect
from tests.fixtures.spend import QUESTION, Spending
from tests.fixtures.waiting import until

AGE = "UPDATE proxy.ledger SET called_at = called_at - interval '1 hour'"


def test_a_ledger_that_holds_everything_equals_the_providers_count(spending: Spending) -> None:
    for _ in range(5):
        spending.ask(spending.proxy.key)

    found = spending.owner("POST", "/reconcile")

    assert [(each["period"], each["says"]) for each in found["periods"]] == [
        ("today", "equal"),
        ("this month", "equal"),
        ("ever", "equal"),
    ]
    assert Decimal(found["periods"][-1]["ledger_usd"]) == spending.twin.total_usd()
    assert found["counters_fit"]


def test_calls_that_were_cut_off_are_asked_for_and_settled_to_the_dollar(spending: Spending) -> None:
    for model in ("twin/dropped", "twin/truncated", "twin/garbage"):
        spending.ask(spending.proxy.key, model, stream=True)
    open_before = [row["status"] for row in spending.rows()]

    found = spending.owner("POST", "/reconcile")

    assert open_before == ["open"] * 3
    assert (found["unsettled"], found["reserved_usd"]) == ([], "0")
    assert found["periods"][-1]["says"] == "equal"
    assert Decimal(found["periods"][-1]["ledger_usd"]) == spending.twin.total_usd() > 0


def test_a_call_that_went_past_the_proxy_is_found_to_its_price(spending: Spending) -> None:
    spending.ask(spending.proxy.key)
    past = {"model": "anthropic/claude-haiku-4.5", "messages": [{"role": "user", "content": QUESTION}]}
    headers = {"Authorization": f"Bearer {spending.twin.key}"}
    httpx.post(f"{spending.twin.base_url}/chat/completions", json=past, headers=headers).raise_for_status()

    ever = spending.owner("POST", "/reconcile")["periods"][-1]

    assert Decimal(ever["difference_usd"]) == Decimal(spending.twin.billed()[-1]["cost_usd"])
    assert "used elsewhere" in ever["says"]


def test_counters_that_do_not_fit_the_rows_are_told(spending: Spending) -> None:
    spending.ask(spending.proxy.key)
    with connect(spending.proxy.database_url) as connection:
        connection.execute("UPDATE proxy.budgets SET spent_usd = spent_usd / 2 WHERE kind = 'all'")

    assert not spending.owner("POST", "/reconcile")["counters_fit"]


async def test_a_call_whose_proxy_was_killed_holds_its_reservation_until_a_person_settles_it(
    spending: Spending,
) -> None:
    lost = await _killed_in_mid_call(spending)
    spending = spending.with_another_proxy()
    [row] = spending.owner("GET", "/status")["unsettled"]
    with pytest.raises(AssertionError, match="may still be under way"):
        spending.owner("POST", f"/ledger/{lost['id']}/settle", json={"cost_usd": "0.0001"})
    with connect(spending.proxy.database_url) as connection:
        connection.execute(AGE)
    [old] = spending.owner("GET", "/status")["unsettled"]
    settled = spending.owner("POST", f"/ledger/{lost['id']}/settle", json={"cost_usd": "0.0001", "note": "on the bill"})
    with pytest.raises(AssertionError, match="nothing is left to settle"):
        spending.owner("POST", f"/ledger/{lost['id']}/settle", json={"cost_usd": "0"})

    [budget] = [each for each in spending.owner("GET", "/status")["budgets"] if each["kind"] == "all"]
    [closed] = spending.rows()
    assert Decimal(row["reserved_usd"]) == lost["reserved_usd"] > 0
    assert "killed" in old["why"]
    assert f"bin/pilothouse spend settle {lost['id']}" in old["why"]
    assert settled["note"] == "settled by hand: on the bill"
    assert (closed["status"], closed["cost_usd"], closed["note"]) == ("settled", Decimal("0.0001"), settled["note"])
    assert (budget["spent_usd"], budget["reserved_usd"]) == ("0.0001", "0")


async def _killed_in_mid_call(spending: Spending) -> dict[str, Any]:
    """The row of a call that was on its way to the provider when its proxy died."""
    asking = asyncio.create_task(asyncio.to_thread(spending.ask_and_lose, spending.proxy.key, "twin/slow:30"))
    await until(lambda: spending.twin.in_flight() == 1)
    spending.proxy.server.kill()
    await asking
    [row] = spending.rows()
    return row
