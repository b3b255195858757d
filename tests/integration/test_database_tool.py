"""`database_query` on a real PostgreSQL, as the role it has in the stack."""

import asyncio

import pytest

from pilothouse.db import connect, make_pool
from pilothouse.errors import BadInputError, TimedOutError, UnavailableError
from tests.fixtures.postgres import DatabaseUrls
from tests.fixtures.statements import USEFUL
from tests.fixtures.waiting import until
from tools.database import DatabaseQuery, database_tools
from tools.registry import Call, Tool
from tools.statements import RELATIONS

COUNT_ALL = "SELECT count(*) FROM runs a CROSS JOIN runs b CROSS JOIN runs c CROSS JOIN runs d"
CLOSE_READERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'pilothouse_reader'"
COUNT_READERS = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'pilothouse_reader'"
COUNT_BUSY_READERS = f"{COUNT_READERS} AND query LIKE 'FETCH%' AND state = 'active'"


@pytest.mark.parametrize("sql", USEFUL)
async def test_useful_statement_is_answered(database_query: Tool, call: Call, sql: str) -> None:
    answer = await database_query.run(call, DatabaseQuery(sql=sql))

    assert answer["columns"]
    assert answer["truncated"] is False


async def test_values_arrive_exact_and_ready_for_json(database_query: Tool, call: Call) -> None:
    sql = (
        "SELECT pair, is_open, profit_abs, opened_at, closed_at - opened_at AS held, opened_at::date AS day, enter_tag,"
        " 0.5::float8 AS half, 'NaN'::float8 AS broken FROM trades ORDER BY id"
    )

    answer = await database_query.run(call, DatabaseQuery(sql=sql))

    assert answer["rows"] == [
        ["ETH/USDT", False, "1.0002", "2026-01-01T10:00:00+00:00", "2:00:00", "2026-01-01", "dip", 0.5, "nan"],
        ["BTC/USDT", True, None, "2026-01-02T00:00:00+00:00", None, "2026-01-02", None, 0.5, "nan"],
    ]


async def test_two_columns_of_one_name_are_both_shown(database_query: Tool, call: Call) -> None:
    answer = await database_query.run(call, DatabaseQuery(sql="SELECT 1 AS n, 2 AS n -- both"))

    assert (answer["columns"], answer["rows"]) == (["n", "n"], [[1, 2]])


async def test_per_cent_sign_is_just_a_sign(database_query: Tool, call: Call) -> None:
    answer = await database_query.run(call, DatabaseQuery(sql="SELECT count(*) FROM trades WHERE pair LIKE '%s/%'"))

    assert answer["rows"] == [[0]]


async def test_more_than_two_hundred_rows_are_cut_and_said_so(database_query: Tool, call: Call) -> None:
    answer = await database_query.run(call, DatabaseQuery(sql="SELECT cost_usd FROM runs ORDER BY cost_usd"))

    assert (answer["row_count"], answer["truncated"]) == (200, True)
    assert answer["rows"][-1] == ["2.00"]
    assert "200 rows" in answer["note"]


async def test_exactly_two_hundred_rows_are_all_of_them(database_query: Tool, call: Call) -> None:
    answer = await database_query.run(call, DatabaseQuery(sql="SELECT id FROM runs LIMIT 200"))

    assert (answer["row_count"], answer["truncated"]) == (200, False)


async def test_rows_beyond_the_size_limit_are_cut(database_query: Tool, call: Call) -> None:
    wide = "SELECT '" + "x" * 1_000 + "' AS wide FROM runs"

    answer = await database_query.run(call, DatabaseQuery(sql=wide))

    assert 30 <= answer["row_count"] < 33
    assert answer["truncated"] is True


async def test_wrong_column_is_answered_in_the_words_of_postgresql(database_query: Tool, call: Call) -> None:
    with pytest.raises(BadInputError) as refusal:
        await database_query.run(call, DatabaseQuery(sql="SELECT profit_ab FROM trades"))

    assert 'column "profit_ab" does not exist' in refusal.value.message
    assert "trades.profit_abs" in refusal.value.hint


async def test_value_that_python_cannot_hold_is_an_error_of_the_query(database_query: Tool, call: Call) -> None:
    with pytest.raises(BadInputError, match="date too large"):
        await database_query.run(call, DatabaseQuery(sql="SELECT date '9999-12-31' + 1000"))


async def test_statement_too_complex_for_postgresql_is_an_error_of_the_query(database_query: Tool, call: Call) -> None:
    with pytest.raises(BadInputError, match="1664 entries"):
        await database_query.run(call, DatabaseQuery(sql="SELECT " + "1," * 1_700 + "1"))


async def test_endless_query_is_stopped_and_the_tool_works_on(database_query: Tool, call: Call) -> None:
    with pytest.raises(TimedOutError, match="longer than 3 s"):
        await database_query.run(call, DatabaseQuery(sql=COUNT_ALL))

    answer = await database_query.run(call, DatabaseQuery(sql="SELECT count(*) FROM runs"))
    assert answer["rows"] == [[300]]


async def test_trades_before_freqtrade_ever_started_are_explained(database_urls: DatabaseUrls, call: Call) -> None:
    async with make_pool(database_urls.reader, size=1) as pool:
        with pytest.raises(BadInputError, match='"trades" does not exist') as refusal:
            await database_tools(pool)[0].run(call, DatabaseQuery(sql="SELECT * FROM trades"))

    assert "once Freqtrade has started" in refusal.value.hint


async def test_a_query_cut_off_by_the_server_says_so_and_the_next_is_answered(
    reporting_database: DatabaseUrls, database_query: Tool, call: Call
) -> None:
    asking = asyncio.ensure_future(database_query.run(call, DatabaseQuery(sql=COUNT_ALL)))
    with connect(reporting_database.admin) as admin:
        await until(lambda: admin.execute(COUNT_BUSY_READERS).fetchone() != {"count": 0})
        admin.execute(CLOSE_READERS)

    with pytest.raises(UnavailableError, match="cannot be reached"):
        await asking

    assert (await database_query.run(call, DatabaseQuery(sql="SELECT count(*) FROM runs")))["rows"] == [[300]]


async def test_connections_that_the_server_closed_cost_no_query(database_urls: DatabaseUrls, call: Call) -> None:
    query = DatabaseQuery(sql="SELECT count(*) FROM runs")
    async with make_pool(database_urls.reader, size=2) as pool:
        tool = database_tools(pool)[0]
        await tool.run(call, query)
        with connect(database_urls.admin) as admin:
            admin.execute(CLOSE_READERS)
            await until(lambda: admin.execute(COUNT_READERS).fetchone() == {"count": 0})

        assert (await tool.run(call, query))["rows"] == [[0]]


def test_relations_offered_are_the_views_and_their_columns(reporting_database: DatabaseUrls) -> None:
    sql = """
        SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position) AS columns
        FROM information_schema.columns
        WHERE table_schema = 'reporting'
        GROUP BY table_name"""

    with connect(reporting_database.admin) as admin:
        views = {row["table_name"]: tuple(row["columns"]) for row in admin.execute(sql)}

    assert views == RELATIONS
