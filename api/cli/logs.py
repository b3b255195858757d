"""`logs`: what the processes wrote."""

import time
from pathlib import Path
from typing import Annotated

import typer

from pilothouse.errors import NotFoundError
from pilothouse.settings import StackSettings
from stack.home import find_home

POLL_S = 0.3

Name = Annotated[str, typer.Argument(metavar="[PROCESS]", help="One process; without it, all of them.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on showing new lines.")]
Lines = Annotated[int, typer.Option("--lines", "-n", min=1, help="How many lines of each to begin with.")]


def logs(process: Name = "", *, follow: Follow = False, lines: Lines = 20) -> None:
    """Show what the processes wrote.

    [bold]Examples[/]

    bin/pilothouse logs

    bin/pilothouse logs freqtrade --follow
    """
    files = _find(find_home(StackSettings.load()).logs, process)
    offsets = {path: _show_end(path, lines) for path in files}
    while follow:
        time.sleep(POLL_S)
        offsets = {path: _show_new(path, offset) for path, offset in offsets.items()}


def _find(folder: Path, process: str) -> list[Path]:
    known = sorted(folder.glob("*.log"))
    found = [path for path in known if process in ("", path.stem)]
    if not found:
        names = ", ".join(path.stem for path in known) or "none yet: start the stack first"
        raise NotFoundError(f"there is no log of {process or 'any process'}", hint=f"known are: {names}")
    return found


def _show_end(path: Path, lines: int) -> int:
    text = path.read_bytes()
    _show(path, text.splitlines()[-lines:])
    return len(text)


def _show_new(path: Path, offset: int) -> int:
    size = path.stat().st_size if path.exists() else 0
    start = offset if size >= offset else 0  # it was rotated
    if size == start:
        return start
    with path.open("rb") as file:
        file.seek(start)
        text = file.read()
    _show(path, text.splitlines())
    return start + len(text)


def _show(path: Path, lines: list[bytes]) -> None:
    for line in lines:
        typer.echo(f"{path.stem:<10} {line.decode(errors='replace')}")
