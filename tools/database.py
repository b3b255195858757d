"""`database_query`: one read-only SELECT over trading, spend and run metadata.

`tools.statements` refuses what is not listed; then the role, a read-only transaction and limits hold on their own.
"""

import asyncio
import math
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any, LiteralString, cast

import orjson
import psycopg
from psycopg import AsyncConnection, AsyncCursor, errors
from psycopg.rows import DictRow, TupleRow, tuple_row
from pydantic import BaseModel, ConfigDict, Field

from pilothouse.db import Pool
from pilothouse.errors import BadInputError, TimedOutError, UnavailableError
from tools.registry import Call, Tool
from tools.statements import MAX_SQL_CHARS, RELATIONS, SCHEMA, check

STATEMENT_TIMEOUT_S = 3
DEADLINE_S = 5  # for all of it: a cursor is read in several statements
MAX_ROWS = 200
MAX_RESULT_BYTES = 32_768
ROWS_A_FETCH = 20

LIMITS = f"""
    SET TRANSACTION READ ONLY;
    SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT_S}s';
    SET LOCAL search_path = pg_catalog, {SCHEMA}, pg_temp;
    SET LOCAL timezone = 'UTC'""".encode()
DECLARE = "DECLARE answer NO SCROLL CURSOR FOR "
FETCH = f"FETCH {ROWS_A_FETCH} FROM answer".encode()

DESCRIPTION = f"""
Run one read-only PostgreSQL SELECT over {{}}.
Instants are timestamptz in UTC, money is numeric. At most {MAX_ROWS} rows come back, so aggregate in SQL.
There is nothing about people, messages or memories here.""".strip()


class DatabaseQuery(BaseModel):
    """Arguments of `database_query`."""

    model_config = ConfigDict(extra="forbid")

    sql: str = Field(min_length=1, max_length=MAX_SQL_CHARS, description="one SELECT statement, PostgreSQL dialect")


def database_tools(pool: Pool) -> list[Tool]:
    """The tool over a pool that is logged in as pilothouse_reader."""

    async def run(_: Call, arguments: DatabaseQuery) -> dict[str, Any]:
        check(arguments.sql)
        return await _query(pool, arguments.sql)

    relations = "; ".join(f"{SCHEMA}.{name}({', '.join(columns)})" for name, columns in RELATIONS.items())
    return [
        Tool(
            name="database_query",
            description=DESCRIPTION.format(relations),
            arguments=DatabaseQuery,
            run=run,
            risk="reads",
            taints=True,  # tags and provider names are words that others chose
        )
    ]


async def _query(pool: Pool, sql: str) -> dict[str, Any]:
    try:
        async with asyncio.timeout(DEADLINE_S), pool.connection(DEADLINE_S) as connection:
            return await _read(connection, sql)
    except (TimeoutError, errors.QueryCanceled) as error:
        hint = "narrow it: fewer rows, no cross join, an earlier WHERE"
        raise TimedOutError(f"the query took longer than {STATEMENT_TIMEOUT_S} s and was stopped", hint=hint) from error
    except psycopg.Error as error:
        if _is_outage(error):
            raise UnavailableError("the database cannot be reached", hint="see `bin/pilothouse status`") from error
        message = error.diag.message_primary or str(error)
        raise BadInputError(f"PostgreSQL refused the query: {message}", hint=_hint(error)) from error


async def _read(connection: AsyncConnection[DictRow], sql: str) -> dict[str, Any]:
    """A cursor of the server's: what nobody will read is never computed or sent. It closes with the transaction."""
    async with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(LIMITS, prepare=False)  # several commands at once
        # It passed `check` and runs read-only. `binary`: over the protocol that takes one command, whatever it holds.
        await cursor.execute(cast("LiteralString", DECLARE + sql), prepare=False, binary=True)
        rows, is_complete = await _fetch(cursor)
        columns = [column.name for column in cursor.description or ()]
    answer: dict[str, Any] = {"columns": columns, "rows": rows, "row_count": len(rows), "truncated": not is_complete}
    return answer if is_complete else answer | {"note": f"cut at {MAX_ROWS} rows or {MAX_RESULT_BYTES // 1024} KB"}


async def _fetch(cursor: AsyncCursor[TupleRow]) -> tuple[list[list[Any]], bool]:
    """The rows that fit, and whether those are all."""
    rows: list[list[Any]] = []
    free_bytes = MAX_RESULT_BYTES
    while True:
        await cursor.execute(FETCH, prepare=False)  # each answer has columns of its own
        for row in await cursor.fetchall():
            values = [_plain(value) for value in row]
            free_bytes -= len(orjson.dumps(values))
            if free_bytes < 0 or len(rows) == MAX_ROWS:
                return rows, False
            rows.append(values)
        if cursor.rowcount < ROWS_A_FETCH:
            return rows, True


def _plain(value: Any) -> Any:
    """A value as JSON can hold it: decimals and all else as text, instants as ISO 8601."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, float) and math.isfinite(value):
        return value
    return [_plain(each) for each in cast("Sequence[Any]", value)] if isinstance(value, list | tuple) else str(value)


def _is_outage(error: psycopg.Error) -> bool:
    """No answer came, or PostgreSQL said that it is going or has no room (classes 08, 53 and 57)."""
    unanswered = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and error.sqlstate is None
    return unanswered or (error.sqlstate or "")[:2] in {"08", "53", "57"}


def _hint(error: psycopg.Error) -> str:
    if isinstance(error, errors.UndefinedTable):
        return "trades and orders appear once Freqtrade has started for the first time"
    return error.diag.message_hint or "correct the query and try again"
