"""PostgreSQL: pools, and migrations that only go forward."""

import hashlib
import select
from enum import IntEnum, unique
from pathlib import Path
from typing import Any, LiteralString, cast

from psycopg import AsyncConnection, Connection, sql
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from pilothouse.errors import SettingsError

AsyncDictConnection = AsyncConnection[DictRow]
Pool = AsyncConnectionPool[AsyncDictConnection]

MIGRATIONS = Path(__file__).parents[1] / "migrations"
CONNECT_TIMEOUT_S = 10

CREATE_JOURNAL = """
    CREATE SCHEMA IF NOT EXISTS pilothouse;
    CREATE TABLE IF NOT EXISTS pilothouse.migrations (
        name text PRIMARY KEY,
        sha256 text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )"""
LIST_APPLIED = "SELECT name, sha256 FROM pilothouse.migrations"
RECORD = "INSERT INTO pilothouse.migrations (name, sha256) VALUES (%(name)s, %(sha256)s)"


@unique
class AdvisoryLock(IntEnum):
    """Who takes turns with its like; PostgreSQL has one space of such numbers for a whole database."""

    MIGRATIONS = 7_208_700
    CHECKPOINT_TABLES = 7_208_701
    RETENTION = 7_208_702
    AUDIT = 7_208_703


def make_pool(url: str, *, size: int = 10) -> Pool:
    """An unopened pool of autocommit connections that give dict rows (LangGraph's saver relies on both)."""
    kwargs: dict[str, Any] = {
        "autocommit": True,
        "prepare_threshold": 0,
        "row_factory": dict_row,
        "connect_timeout": CONNECT_TIMEOUT_S,
    }
    return AsyncConnectionPool(
        url,
        connection_class=AsyncConnection[DictRow],
        kwargs=kwargs,
        min_size=1,
        max_size=size,
        open=False,
        check=_require_open,
    )


async def _require_open(connection: AsyncConnection[DictRow]) -> None:
    """Refuse a connection whose server is gone, so that a restart of PostgreSQL costs no request; no round trip."""
    arrived = select.poll()
    arrived.register(connection.fileno(), select.POLLIN)
    while arrived.poll(0):
        connection.pgconn.consume_input()  # raises OperationalError at the end of the stream


async def wait_until_reachable(pool: Pool, *, timeout_s: float = 30) -> None:
    """Give PostgreSQL time to come up; afterwards say plainly that it did not."""
    try:
        await pool.wait(timeout_s)
    except PoolTimeout as error:
        hint = "is PostgreSQL up? bin/pilothouse status, bin/pilothouse logs postgres"
        raise SettingsError(f"PostgreSQL was not reachable within {timeout_s:.0f} s", hint=hint) from error


def migrate(url: str, *, folder: Path = MIGRATIONS) -> list[str]:
    """Apply every migration not applied yet, each in its own transaction; returns the names applied now."""
    with connect(url) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (AdvisoryLock.MIGRATIONS,))
        connection.execute(CREATE_JOURNAL)
        applied = {row["name"]: row["sha256"] for row in connection.execute(LIST_APPLIED).fetchall()}
        return [path.name for path in sorted(folder.glob("[0-9]*.sql")) if _apply(connection, path, applied)]


def connect(url: str) -> Connection[DictRow]:
    """One synchronous connection for commands: autocommit, dict rows."""
    return Connection[DictRow].connect(url, autocommit=True, row_factory=dict_row, connect_timeout=CONNECT_TIMEOUT_S)


def _apply(connection: Connection[DictRow], path: Path, applied: dict[str, str]) -> bool:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if path.name in applied:
        if applied[path.name] != digest:
            raise SettingsError(f"{path.name} was changed after it was applied", hint="add a new migration instead")
        return False
    with connection.transaction():
        # Our own files are the only source of this text.
        connection.execute(sql.SQL(cast("LiteralString", path.read_text())))
        connection.execute(RECORD, {"name": path.name, "sha256": digest})
    return True
