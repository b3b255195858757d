"""`audit`: whether the broker's audit log holds, without asking the broker."""

import os
import sys
from pathlib import Path

import typer

from pilothouse.errors import UnavailableError
from pilothouse.settings import StackSettings
from stack.home import find_home
from stack.processes import make_launcher
from stack.readiness import probe_postgres

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


@app.callback()  # without one, a single command would take the name of its group
def audit() -> None:
    """Look at the broker's audit log.

    [bold]Examples[/]

    bin/pilothouse audit verify
    """


@app.command()
def verify() -> None:
    """Verify the audit log: nothing edited, deleted, re-ordered or cut off, and the books and trades fit it.

    Reads the database in a process of its own, as the broker's user and with the broker's key; the broker itself
    need not run. Exit code 1 when anything is wrong; each finding names its record, intent or trade.

    [bold]Examples[/]

    bin/pilothouse audit verify
    """
    settings = StackSettings.load()
    home = find_home(settings)
    if not (home.secrets / "broker.env").exists():
        raise UnavailableError(f"there is no stack in {home.root} yet", hint="start it with bin/pilothouse up")
    if not settings.database_url and not probe_postgres(settings.port_postgres).ready:
        raise UnavailableError("the database is not running", hint="bin/pilothouse up, or set DATABASE_URL")
    launcher = make_launcher(home, settings, pythons=[Path(sys.executable)])
    program = launcher.command("broker", (sys.executable, "-P", "-m", "broker.verify"))
    sys.stdout.flush()
    os.execvp(program[0], program)  # noqa: S606 -- no shell is the point
