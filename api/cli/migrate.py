"""`migrate`: bring the database to where this version needs it."""

from typing import Annotated

import typer

from pilothouse.errors import UnavailableError
from pilothouse.settings import StackSettings
from stack import schema
from stack.credentials import Credentials, Places
from stack.database import prepare_database
from stack.home import find_home
from stack.readiness import probe_postgres
from stack.scratch import scratch_server
from stack.secrets import load_or_generate

Dump = Annotated[bool, typer.Option("--dump-schema", help="Rewrite migrations/schema.sql from a fresh database.")]


def migrate(*, rewrite_schema: Dump = False) -> None:
    """Make roles and apply the migrations not applied yet (`up` does it too).

    [bold]Examples[/]

    bin/pilothouse migrate

    DATABASE_URL=postgresql://... bin/pilothouse migrate

    bin/pilothouse migrate --dump-schema
    """
    if rewrite_schema:
        _rewrite_schema()
        return
    settings = StackSettings.load()
    if not settings.database_url and not probe_postgres(settings.port_postgres).ready:
        raise UnavailableError("the database is not running", hint="bin/pilothouse up, or set DATABASE_URL")
    home = find_home(settings)
    home.prepare()
    credentials = Credentials(settings, load_or_generate(home.secrets), Places.below(home.root))
    applied = prepare_database(credentials)
    typer.echo("\n".join(f"applied {name}" for name in applied) or "nothing to apply")


def _rewrite_schema() -> None:
    with scratch_server() as scratch:
        schema.SCHEMA.write_text(schema.dump_schema(scratch.admin_url()))
    typer.echo(f"wrote {schema.SCHEMA}")
