"""One PostgreSQL role a process. Made or updated at every start, on our own server or on an external one."""

from collections.abc import Mapping
from typing import LiteralString
from urllib.parse import quote, urlsplit

from psycopg import Connection, sql
from psycopg.errors import InsufficientPrivilege
from psycopg.rows import DictRow

from pilothouse.db import connect
from pilothouse.errors import SettingsError

PREFIX = "pilothouse_"
HOMES = {  # where each role's unqualified names live
    "controller": ("controller", "jobs"),
    "proxy": ("proxy",),
    "broker": ("broker", "reporting"),
    "memory": ("memory",),
    "freqtrade": ("trading",),
    "n8n": ("n8n",),
    "reader": ("reporting",),
}
NAMES = tuple(HOMES)

IS_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
EXISTS = "SELECT 1 FROM pg_roles WHERE rolname = %(role)s"
CREATE: LiteralString = "CREATE ROLE {role} LOGIN"
LET_IN: LiteralString = "ALTER ROLE {role} WITH LOGIN PASSWORD {password}"
JOIN: LiteralString = "GRANT {role} TO CURRENT_USER"
LET_CONNECT: LiteralString = "GRANT CONNECT ON DATABASE {database} TO {role}"
STAY_AT_HOME: LiteralString = "ALTER ROLE {role} SET search_path = {schemas}"
KEEP_OTHERS_OUT: LiteralString = "REVOKE ALL ON DATABASE {database} FROM PUBLIC"
NEVER_WRITE: LiteralString = "ALTER ROLE {role} SET default_transaction_read_only = on"


def ensure_roles(admin_url: str, *, passwords: Mapping[str, str]) -> None:
    """Give every process its role with the password in `passwords` (by process name)."""
    with connect(admin_url) as connection:
        try:
            _ensure_all(connection, passwords)
        except InsufficientPrivilege as error:
            raise SettingsError(
                f"the user of DATABASE_URL may not make roles: {error.diag.message_primary}",
                hint="give it CREATEROLE and ownership of the database",
            ) from error


def ensure_database(server_url: str, *, name: str) -> None:
    """Make the database when it is not there."""
    with connect(server_url) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def role_url(admin_url: str, *, name: str, password: str) -> str:
    """The same database, entered as the role of process `name`."""
    parts = urlsplit(admin_url)
    address = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{PREFIX}{name}:{quote(password, safe='')}@{address}").geturl()


def _ensure_all(connection: Connection[DictRow], passwords: Mapping[str, str]) -> None:
    row = connection.execute(IS_SUPERUSER).fetchone()
    is_superuser = bool(row and row["rolsuper"])
    database = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL(KEEP_OTHERS_OUT).format(database=database))
    for name, homes in HOMES.items():
        role, schemas = sql.Identifier(PREFIX + name), sql.SQL(", ").join(map(sql.Identifier, homes))
        _ensure_role(connection, role=PREFIX + name, password=passwords[name])
        if not is_superuser:  # to hand it schemas, and to read Freqtrade's tables
            connection.execute(sql.SQL(JOIN).format(role=role))
        connection.execute(sql.SQL(LET_CONNECT).format(database=database, role=role))
        connection.execute(sql.SQL(STAY_AT_HOME).format(role=role, schemas=schemas))
    connection.execute(sql.SQL(NEVER_WRITE).format(role=sql.Identifier(PREFIX + "reader")))


def _ensure_role(connection: Connection[DictRow], *, role: str, password: str) -> None:
    if connection.execute(EXISTS, {"role": role}).fetchone() is None:
        connection.execute(sql.SQL(CREATE).format(role=sql.Identifier(role)))
    # Hashed here, so that the server's log never sees it in plain.
    hashed = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    connection.execute(sql.SQL(LET_IN).format(role=sql.Identifier(role), password=sql.Literal(hashed)))
