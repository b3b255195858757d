"""`proxy.reserve` and `proxy.settle` themselves: many calls in one statement, each as if it had come alone."""

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from pilothouse.db import connect
from tests.fixtures.postgres import DatabaseUrls

ALL = {"kind": "all", "subject": "", "limit_usd": "10"}
LEDGER_ROWS_READ = "SELECT seq_tup_read + idx_tup_fetch AS count FROM pg_stat_xact_user_tables WHERE relname = 'ledger'"


@pytest.fixture
def database(database_urls: DatabaseUrls) -> Iterator[Connection[DictRow]]:
    with connect(database_urls.proxy) as connection:
        yield connection


def call(usd: str, *budgets: dict[str, str]) -> dict[str, Any]:
    asked = {"caller": "someone", "route": "/chat/completions", "asked_model": "some/model"}
    return {"id": str(uuid4()), "reserved_usd": usd, "budgets": [ALL, *budgets], **asked}


def reserve(database: Connection[DictRow], calls: Sequence[dict[str, Any]]) -> list[str | None]:
    """Which budget refused each of them."""
    answers = database.execute("SELECT * FROM proxy.reserve(%s)", (json.dumps(calls),)).fetchall()
    refused_by = {str(answer["id"]): answer["refused_by"] for answer in answers}
    return [refused_by[each["id"]] for each in calls]


def settle(database: Connection[DictRow], calls: Sequence[dict[str, Any]], **outcome: Any) -> int:
    """How many were still open."""
    outcomes = json.dumps([{"id": each["id"], "status": "settled"} | outcome for each in calls])
    return len(database.execute("SELECT proxy.settle(%s)", (outcomes,)).fetchall())


def held(database: Connection[DictRow], kind: str = "all") -> tuple[Decimal, Decimal]:
    """What is reserved, and what is spent."""
    row = database.execute("SELECT * FROM proxy.budgets WHERE kind = %s", (kind,)).fetchone()
    assert row is not None
    return row["reserved_usd"], row["spent_usd"]


def ledger_rows_read(database: Connection[DictRow]) -> int:
    row = database.execute(LEDGER_ROWS_READ).fetchone()
    return row["count"] if row else 0


def test_a_call_that_does_not_fit_keeps_out_nobody_but_itself(database: Connection[DictRow]) -> None:
    assert reserve(database, [call("6"), call("6"), call("4"), call("0.01")]) == [None, "all", None, "all"]
    assert held(database) == (10, 0)


def test_the_first_budget_without_room_is_named_and_none_is_touched(database: Connection[DictRow]) -> None:
    day, key = ({"kind": kind, "subject": "x", "limit_usd": limit} for kind, limit in (("day", "3"), ("key", "2")))

    assert reserve(database, [call("2.5", day, key), call("3.5", day, key), call("2", day, key)]) == [
        "key",
        "day",
        None,
    ]
    assert held(database) == held(database, "day") == held(database, "key") == (2, 0)


def test_a_budget_is_held_to_the_limit_of_each_call(database: Connection[DictRow]) -> None:
    run = {"kind": "run", "subject": "r"}

    assert reserve(database, [call("1", run | {"limit_usd": "5"}), call("1", run | {"limit_usd": "1"})]) == [
        None,
        "run",
    ]


def test_many_are_settled_together_and_each_only_once(database: Connection[DictRow]) -> None:
    calls = [call("1") for _ in range(5)]
    reserve(database, calls)

    assert settle(database, calls[:2], cost_usd="0.25") == 2
    assert settle(database, calls, cost_usd="0.5") == 3
    assert held(database) == (0, Decimal("2.0"))


def test_what_may_have_been_billed_stays_reserved(database: Connection[DictRow]) -> None:
    calls = [call("1"), call("1")]
    reserve(database, calls)

    settle(database, calls[:1], status="open", error="cut off")
    settle(database, calls[1:], status="failed")

    assert held(database) == (1, 0)


def test_a_call_costs_the_same_however_long_the_ledger_has_become(database: Connection[DictRow]) -> None:
    settled = [call("0.01") for _ in range(400)]
    reserve(database, settled)
    settle(database, settled, cost_usd="0")

    with database.transaction():
        before = ledger_rows_read(database)
        one = [call("0.01")]
        reserve(database, one)
        settle(database, one, cost_usd="0")

        assert ledger_rows_read(database) - before < 10
