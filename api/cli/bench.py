"""`bench`: the measurements of `benchmarks/`, each by its name."""

import subprocess
import sys
from typing import Annotated, Literal

import typer

from pilothouse.settings import CHECKOUT


def bench(
    context: typer.Context,
    name: Annotated[Literal["turn", "long_thread", "stack"], typer.Argument(help="What to measure.")],
) -> None:
    """Measure, and print a table; further arguments are the benchmark's own.

    [bold]Examples[/]

    bin/pilothouse bench turn   # one chat turn: CPU, latency, turns/s, beside the floor

    bin/pilothouse bench long_thread   # one thread of 1,000 turns: its beginning, middle and end

    bin/pilothouse bench stack --install  # start-up time, memory, disk; also of a first installation
    """
    command = [sys.executable, "-m", f"benchmarks.{name}", *context.args]
    raise typer.Exit(subprocess.run(command, cwd=CHECKOUT, check=False).returncode)
