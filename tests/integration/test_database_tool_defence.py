"""Defence in depth: what stops a hostile statement when the parser would not."""

from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pilothouse.db import connect
from pilothouse.errors import BadInputError
from tests.fixtures.postgres import DatabaseUrls
from tests.fixtures.statements import HOSTILE, Hostile
from tools.database import LIMITS
from tools.statements import FUNCTIONS, ROW_FUNCTIONS, check

LIST_PRIVILEGES = """
    SELECT n.nspname || '.' || c.relname AS relation
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
      AND c.relkind IN ('r', 'v', 'm', 'p', 'S', 'f')
      AND (has_table_privilege('pilothouse_reader', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
           OR has_any_column_privilege('pilothouse_reader', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))
    ORDER BY 1"""
LIST_ROW_FUNCTIONS = """
    SELECT DISTINCT proname::text AS name
    FROM pg_proc
    WHERE pronargs = 1
      AND (provariadic = '"any"'::regtype
           OR proargtypes[0] IN ('record'::regtype, '"any"'::regtype, 'anyelement'::regtype, 'anynonarray'::regtype,
                                 'anycompatible'::regtype, 'anycompatiblenonarray'::regtype))"""
RELATIONS = [
    *("runs", "runs r", "reporting.spend", "trades t", "reporting.orders", "a", "(SELECT 1) s", "(VALUES (1)) v"),
    *("pg_roles", "pg_catalog.pg_roles", "pg_authid", "controller.runs", "memory.turns", "generate_series(1, 2) g"),
]
VALUES = [
    *("1", "*", "count(*)", "now()", "'x'::text", "NULL", "max(1)", "(SELECT count(*) FROM runs)", "1 FOR UPDATE"),
    *("(SELECT count(*) FROM pg_roles)", "pg_sleep(0)", "set_config('a.b', 'c', false)", "lo_create(0)", "1 INTO b"),
    *("EXISTS (TABLE a)", "EXISTS (TABLE pg_roles)", "'pg_authid'::regclass", "$$", "--", "/*", "*/", "1; SELECT 2"),
]
SHAPES = [
    "SELECT {v[0]} FROM {r[0]}",
    "WITH a AS (SELECT {v[0]} FROM {r[0]}) SELECT {v[1]} FROM a, {r[1]}",
    "WITH pg_roles AS (SELECT {v[0]} FROM {r[0]}) SELECT {v[1]} FROM {r[1]}",
    "WITH a AS (SELECT {v[0]} FROM {r[0]}), pg_roles AS (SELECT {v[1]} FROM {r[1]}) SELECT 1 FROM {r[2]}",
    "SELECT 1 FROM runs q, LATERAL (SELECT {v[0]} FROM {r[0]}) x WHERE {v[1]} IS NULL",
    "(WITH pg_roles AS (SELECT 1) SELECT {v[0]} FROM {r[0]}) UNION (SELECT {v[1]} FROM {r[1]})",
    "SELECT (WITH pg_roles AS (SELECT 1) SELECT {v[0]} FROM {r[0]} LIMIT 1) FROM {r[1]}",
    "WITH a AS (DELETE FROM {r[0]} RETURNING {v[0]}) SELECT {v[1]} FROM {r[1]}",
]
READABLE = {("trading", "trades"), ("trading", "orders"), ("proxy", "ledger"), ("controller", "runs")}


@pytest.mark.parametrize("hostile", [each for each in HOSTILE if each.role_refuses], ids=lambda each: each.sql[:60])
def test_hostile_statement_fails_for_the_role_itself(reporting_database: DatabaseUrls, hostile: Hostile) -> None:
    with connect(reporting_database.reader) as reader, reader.transaction(force_rollback=True):
        reader.execute(LIMITS, prepare=False)
        with pytest.raises(psycopg.Error):
            reader.execute(hostile.sql.encode(), prepare=True)


def test_reader_has_rights_on_the_four_views_and_nothing_else(reporting_database: DatabaseUrls) -> None:
    with connect(reporting_database.admin) as admin:
        relations = [row["relation"] for row in admin.execute(LIST_PRIVILEGES)]

    assert relations == ["reporting.orders", "reporting.runs", "reporting.spend", "reporting.trades"]


@pytest.mark.parametrize("schema", ["controller", "proxy", "memory", "trading", "pilothouse"])
def test_reader_may_not_even_look_into_a_schema_of_others(reporting_database: DatabaseUrls, schema: str) -> None:
    sql = "SELECT has_schema_privilege('pilothouse_reader', %s, 'USAGE, CREATE') AS allowed"

    with connect(reporting_database.admin) as admin:
        row = admin.execute(sql, (schema,)).fetchone()

    assert row == {"allowed": False}


def test_every_function_that_takes_any_row_is_known(reporting_database: DatabaseUrls) -> None:
    with connect(reporting_database.admin) as admin:
        names = {row["name"] for row in admin.execute(LIST_ROW_FUNCTIONS)}

    assert names - FUNCTIONS <= ROW_FUNCTIONS


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=st.sampled_from(SHAPES),
    values=st.lists(st.sampled_from(VALUES), min_size=2, max_size=2),
    relations=st.lists(st.sampled_from(RELATIONS), min_size=3, max_size=3),
)
def test_what_passes_is_a_select_that_touches_only_what_the_views_show(
    reporting_database: DatabaseUrls, shape: str, values: list[str], relations: list[str]
) -> None:
    sql = shape.format(v=values, r=relations)
    try:
        check(sql)
    except BadInputError:
        return

    with connect(reporting_database.admin) as admin, admin.transaction():
        admin.execute(LIMITS, prepare=False)
        try:
            plan = admin.execute(f"EXPLAIN (VERBOSE, FORMAT JSON) {sql}".encode()).fetchall()
        except psycopg.Error:
            return  # it passes and means nothing: PostgreSQL says so before it runs

    pending: list[dict[str, Any]] = [plan[0]["QUERY PLAN"][0]["Plan"]]
    while pending:
        node = pending.pop()
        pending.extend(node.get("Plans", []))
        assert node["Node Type"] not in {"ModifyTable", "Function Scan", "LockRows"}
        assert "Relation Name" not in node or (node["Schema"], node["Relation Name"]) in READABLE
