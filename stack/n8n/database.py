"""n8n's place in our PostgreSQL: a schema that it makes itself, owned by its role."""

from psycopg import sql

from pilothouse.db import connect
from stack.roles import PREFIX

MAY_MAKE_SCHEMA = "GRANT CREATE ON DATABASE {database} TO {role}"


def let_n8n_in(admin_url: str) -> None:
    """n8n says CREATE SCHEMA IF NOT EXISTS at each start, which needs this right even when the schema is there.

    Without it n8n hangs and says nothing. It gains a schema of its own, and nothing in those of others.
    """
    with connect(admin_url) as connection:
        database, role = sql.Identifier(connection.info.dbname), sql.Identifier(f"{PREFIX}n8n")
        connection.execute(sql.SQL(MAY_MAKE_SCHEMA).format(database=database, role=role))
