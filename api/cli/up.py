"""`up`, `down`, `status`: the embedded stack, seen from a terminal."""

import signal
import time
from contextlib import suppress
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from pilothouse.errors import UnavailableError
from pilothouse.settings import StackSettings
from stack.home import find_home
from stack.lifecycle import Stack, bring_up, describe, make_stack, take_down
from stack.overview import Row, look
from stack.running import recall
from stack.supervisor import Control

REFRESH_S = 1.0
KB_PER_MB = 1024

Detach = Annotated[bool, typer.Option("--detach", "-d", help="Return as soon as everything is ready.")]

console = Console(highlight=False, soft_wrap=True)


def up(*, detach: Detach = False) -> None:
    """Start everything, and keep it running.

    In the foreground it shows a live table; Ctrl-C stops all of it, also what ran before.

    The first time it also installs. With changed settings it starts anew.

    [bold]Examples[/]

    bin/pilothouse up

    OPENROUTER_API_KEY=sk-or-... bin/pilothouse up --detach

    EXCHANGE=binance bin/pilothouse up
    """
    started = time.monotonic()
    signal.signal(signal.SIGTERM, _interrupt)
    stack = make_stack(StackSettings.load(), _report)
    try:
        not_ready = bring_up(stack, _report)
        _announce(stack, not_ready, seconds=time.monotonic() - started)
        if not detach:
            _watch(stack)
    except KeyboardInterrupt:
        _stop(stack)


def down() -> None:
    """Stop everything, also what a killed supervisor left behind.

    [bold]Example[/]

    bin/pilothouse down
    """
    home = find_home(StackSettings.load())
    was_up = Control(home).is_up()
    leftovers = take_down(home, _report)
    if leftovers:
        console.print(f"ended {len(leftovers)} processes whose supervisor was gone")
    console.print(
        "everything is stopped" if was_up or leftovers else f"nothing was running in {escape(str(home.root))}"
    )


def status() -> None:
    """Show what runs.

    [bold]Example[/]

    bin/pilothouse status
    """
    home = find_home(StackSettings.load())
    control = Control(home)
    if not control.is_up():
        raise UnavailableError(f"the stack in {home.root} is not running", hint="start it with bin/pilothouse up")
    console.print(_table(look(control, recall(home))))


def _watch(stack: Stack) -> None:
    control = Control(stack.home)
    if console.is_terminal:
        _show_live(stack, control)
    while control.is_up():
        time.sleep(REFRESH_S)
    console.print("the stack was stopped from elsewhere")


def _show_live(stack: Stack, control: Control) -> None:
    with Live(_table(look(control, stack.processes)), console=console, auto_refresh=False) as live:
        while control.is_up():
            with suppress(UnavailableError):  # it may go between the two questions
                live.update(_table(look(control, stack.processes)), refresh=True)
            time.sleep(REFRESH_S)


def _stop(stack: Stack) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it running
    console.print("stopping ...")
    take_down(stack.home, _report)
    console.print("everything is stopped")


def _announce(stack: Stack, not_ready: dict[str, str], *, seconds: float) -> None:
    if not_ready:
        console.print(f"[yellow]not ready yet[/] {escape(describe(stack.home, not_ready))}")
    if stack.credentials.uses_rehearsal:
        console.print("[yellow]rehearsal model: set OPENROUTER_API_KEY for a real one[/]")
    console.print(f"up after {seconds:.1f} s. The page: {stack.info.api_url}/#key={stack.info.owner_key}")


def _table(rows: list[Row]) -> Table:
    table = Table("process", "state", "pid", "uptime", "memory", box=None, header_style="bold")
    table.add_column("url", no_wrap=True)
    for row in rows:
        color = "green" if row.state == "ready" else "yellow"
        memory = f"{row.memory_kb // KB_PER_MB} MB" if row.memory_kb else "-"
        table.add_row(
            row.name, f"[{color}]{escape(row.state)}[/]", str(row.pid or "-"), _age(row.uptime_s), memory, row.url
        )
    table.add_row("all", "", "", "", f"{sum(row.memory_kb for row in rows) // KB_PER_MB} MB", "", style="dim")
    return table


def _age(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _report(line: str) -> None:
    console.print(f"[dim]{escape(line)}[/]")


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
