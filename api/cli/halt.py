"""`halt` and `resume`: stop every entry at once, whatever is down; let them go on, by signature."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from api.cli import approver, shapes
from api.cli.client import Fields, with_stack
from api.cli.intents import visible
from pilothouse.errors import NotFoundError, UnavailableError
from pilothouse.settings import StackSettings
from stack.credentials import Places
from stack.home import find_home

console = Console(highlight=False)


def halt(reason: Annotated[str, typer.Argument(help="Why; it is shown to whoever lifts it.", metavar="WHY")]) -> None:
    """Stop all entries now, the bot's own too. Exits stay possible. Works also while the API is down.

    [bold]Example[/]

    bin/pilothouse halt "prices look wrong"
    """
    file = Places.below(find_home(StackSettings.load()).root).halt
    written = _write(file, reason)
    try:
        found = with_stack(lambda client: client.call("POST", "/api/halt", json={"reason": reason}))
    except UnavailableError:
        if not written:
            raise
        typer.echo(f"halted by {file}: the broker sees it within a second, or when it starts")
        return
    typer.echo(f"halted: {visible(found['halt'])['reason']}; bin/pilothouse resume lets entries go on")


def resume(*, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False) -> None:
    """Let entries go on. Signed with your key: see bin/pilothouse approvals pair.

    [bold]Examples[/]

    bin/pilothouse resume

    bin/pilothouse resume --yes
    """
    found: Fields | None = with_stack(lambda client: client.call("GET", "/api/halt"))["halt"]
    if found is None:
        raise NotFoundError("nothing is halted", hint="entries are possible: bin/pilothouse approvals list")
    console.print(shapes.facts(visible(found)))
    if not yes:
        typer.confirm("let entries go on?", abort=True)
    statement = approver.signed(found["id"], "resume")
    left: Fields | None = with_stack(lambda client: client.call("POST", "/api/halt/resume", json=statement))["halt"]
    typer.echo(f"halted again: {visible(left)['reason']}" if left else "entries go on")


def _write(file: Path, reason: str) -> bool:
    """Whether the broker's folder is here and ours to write in."""
    try:
        with open(file, "w", opener=_no_link) as halting:  # the folder is another user's, and that one is not trusted
            halting.write(f"{reason}\n")
    except OSError:
        return False
    return True


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, mode=0o644)
