"""What the command does in the database before any process may use it: database, roles, migrations, owner's key."""

from psycopg import OperationalError

from pilothouse.db import connect, migrate
from pilothouse.errors import UnavailableError
from pilothouse.keys import hash_key
from stack.credentials import Credentials
from stack.postgres import DATABASE
from stack.roles import ensure_database, ensure_roles

OWNER = "owner"
SCOPES = [
    *("chat", "threads:read", "trading:read", "health:read", "spend:read", "memory:read"),
    *("schedules:write", "hooks:write", "money:decide", "memory:write"),  # in no program's key
]
ADD_OWNER_KEY = """
    INSERT INTO controller.api_keys (hash, user_id, label, scopes)
    VALUES (%(hash)s, %(user)s, %(user)s, %(scopes)s)
    ON CONFLICT (hash) DO UPDATE SET scopes = excluded.scopes"""


def prepare_database(credentials: Credentials) -> list[str]:
    """Bring the database to where this version needs it; returns the migrations applied now."""
    try:
        return _prepare(credentials)
    except OperationalError as error:
        raise UnavailableError(
            f"the database cannot be used: {' '.join(str(error).split())}",
            hint="check DATABASE_URL, or, for the embedded one, that its secrets folder belongs to its data",
        ) from error


def _prepare(credentials: Credentials) -> list[str]:
    if not credentials.settings.database_url:
        ensure_database(credentials.server_url("postgres"), name=DATABASE)
    ensure_roles(credentials.admin_url, passwords=credentials.role_passwords())
    applied = migrate(credentials.admin_url)
    _add_owner_key(credentials)
    return applied


def _add_owner_key(credentials: Credentials) -> None:
    digest = hash_key(credentials.generated["owner_key"], secret=credentials.generated["controller_key_secret"])
    with connect(credentials.admin_url) as connection:
        connection.execute(ADD_OWNER_KEY, {"hash": digest, "user": OWNER, "scopes": SCOPES})
