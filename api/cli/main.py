"""The command line: composes the commands, and turns every foreseen error into one line and a hint."""

import sys
from io import TextIOWrapper

import typer
from rich.console import Console
from rich.markup import escape

from api.cli import (
    approvals,
    ask,
    audit,
    bench,
    chat,
    check,
    doctor,
    graph,
    halt,
    hooks,
    logs,
    memory,
    migrate,
    model_keys,
    n8n,
    prune,
    runs,
    schedule,
    spend,
    test,
    threads,
    up,
    worker,
)
from pilothouse.errors import PilothouseError

app = typer.Typer(
    name="pilothouse",
    help="Pilothouse: one room from which one person steers a trading and automation stack.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

app.command()(ask.ask)
app.command()(chat.chat)
app.add_typer(runs.app, name="runs")
app.add_typer(threads.app, name="threads")
app.add_typer(schedule.app, name="schedule")
app.add_typer(memory.app, name="memory")
app.add_typer(approvals.app, name="approvals")
app.add_typer(audit.app, name="audit")
app.add_typer(model_keys.app, name="keys")
app.add_typer(spend.app, name="spend")
app.add_typer(n8n.app, name="n8n")
app.add_typer(hooks.app, name="hooks")
app.command()(halt.halt)
app.command()(halt.resume)
app.command()(up.up)
app.command()(up.down)
app.command()(up.status)
app.command()(worker.worker)
app.command()(logs.logs)
app.command()(migrate.migrate)
app.command()(prune.prune)
app.command()(doctor.doctor)
app.command()(check.check)
app.command(context_settings=test.PASS_THROUGH)(test.test)
app.command()(graph.graph)
app.command(context_settings=bench.OWN_ARGUMENTS)(bench.bench)


def main() -> None:
    """Run one command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # an answer may hold what the terminal's encoding has not
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="bin/pilothouse")
    except PilothouseError as error:
        _say(type(error).__name__, error.message, error.hint)
        sys.exit(1)
    except OSError as error:  # a full disk, a file that is another user's: found wherever something is written
        where = f": {error.filename}" if error.filename else ""
        _say(type(error).__name__, f"{error.strerror or error}{where}", "bin/pilothouse doctor may know more")
        sys.exit(1)


def _say(kind: str, message: str, hint: str) -> None:
    console = Console(stderr=True, highlight=False)
    console.print(f"[red]{kind}[/]: {escape(message)}", soft_wrap=True)
    if hint:
        console.print(f"[dim]{escape(hint)}[/]", soft_wrap=True)
