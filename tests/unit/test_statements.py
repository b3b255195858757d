"""The parser in front of `database_query`: what it refuses, what it lets pass, what it says."""

import pytest

from pilothouse.errors import BadInputError
from tests.fixtures.statements import HOSTILE, USEFUL, Hostile
from tools.statements import MAX_SQL_CHARS, check


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda each: each.sql[:60])
def test_hostile_statement_is_refused(hostile: Hostile) -> None:
    with pytest.raises(BadInputError):
        check(hostile.sql)


@pytest.mark.parametrize("sql", USEFUL)
def test_useful_statement_passes(sql: str) -> None:
    check(sql)


def test_forbidden_relation_is_named_with_what_there_is_instead() -> None:
    with pytest.raises(BadInputError) as refusal:
        check("SELECT * FROM controller.api_keys")

    assert refusal.value.message == "controller.api_keys may not be read"
    assert "reporting.trades" in refusal.value.hint


def test_forbidden_function_is_named_with_what_there_is_instead() -> None:
    with pytest.raises(BadInputError) as refusal:
        check("SELECT pg_sleep(9)")

    assert refusal.value.message == "function pg_sleep is not allowed"
    assert "percentile_cont" in refusal.value.hint


def test_unknown_kind_of_node_is_refused_by_its_name() -> None:
    with pytest.raises(BadInputError, match="GroupingSet is not allowed"):
        check("SELECT pair FROM trades GROUP BY ROLLUP (pair)")


def test_unknown_field_of_a_known_node_is_refused_by_its_name() -> None:
    with pytest.raises(BadInputError, match="SelectStmt with lockingClause is not allowed"):
        check("SELECT 1 FOR UPDATE")


def test_wrong_column_of_a_relation_is_answered_with_the_columns() -> None:
    with pytest.raises(BadInputError) as refusal:
        check("SELECT t.profit FROM trades t")

    assert refusal.value.message == "column t.profit does not exist"
    assert "profit_abs" in refusal.value.hint


def test_syntax_error_says_where() -> None:
    with pytest.raises(BadInputError, match='syntax error at or near "FORM"'):
        check("SELECT * FORM trades")


def test_query_beyond_the_size_limit_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(BadInputError, match=f"at most {MAX_SQL_CHARS}"):
        check("SELECT '" + "x" * MAX_SQL_CHARS + "'")


def test_character_that_no_sql_can_hold_is_refused() -> None:
    with pytest.raises(BadInputError, match="cannot hold"):
        check("SELECT '\ud800'")
