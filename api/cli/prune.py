"""`prune`: delete now what would be deleted by itself within the hour, and say how much that was."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from agents.retention import Counts, Retention
from pilothouse import clock
from pilothouse.db import CONNECT_TIMEOUT_S, make_pool, wait_until_reachable
from pilothouse.errors import UnavailableError
from pilothouse.settings import StackSettings
from stack.credentials import Credentials, Places
from stack.home import find_home
from stack.readiness import probe_postgres
from stack.secrets import load_or_generate

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")]

console = Console(highlight=False, soft_wrap=True)


def prune(*, dry_run: DryRun = False) -> None:
    """Delete events of runs that ended long ago, journals, and checkpoints before a thread's last.

    The stack does it by itself every hour. Conversations, runs and their costs always stay.
    PILOTHOUSE_KEEP_EVENTS_DAYS says what long ago is.

    [bold]Examples[/]

    bin/pilothouse prune --dry-run

    PILOTHOUSE_KEEP_EVENTS_DAYS=7 bin/pilothouse prune
    """
    settings = StackSettings.load()
    if not settings.database_url and not probe_postgres(settings.port_postgres).ready:
        raise UnavailableError("the database is not running", hint="bin/pilothouse up, or set DATABASE_URL")
    counts = asyncio.run(_prune(settings, dry_run=dry_run))
    if not counts:
        console.print(f"nothing to delete: all of it is younger than {settings.keep_events_days} days")
        return
    table = Table("would be deleted" if dry_run else "deleted", "rows", "KB", box=None, header_style="bold")
    for kind, pruned in counts.items():
        table.add_row(kind, f"{pruned.rows:,}", f"{pruned.bytes / 1024:,.1f}")
    console.print(table)


async def _prune(settings: StackSettings, *, dry_run: bool) -> Counts:
    home = find_home(settings)
    home.prepare()
    credentials = Credentials(settings, load_or_generate(home.secrets), Places.below(home.root))
    async with make_pool(credentials.database_url("controller"), size=1) as pool:
        await wait_until_reachable(pool, timeout_s=CONNECT_TIMEOUT_S)
        retention = Retention(pool, keep_events_days=settings.keep_events_days, clock=clock.now)
        return await (retention.rehearse() if dry_run else retention.prune())
