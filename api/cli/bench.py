"""`bench`: the measurements of `benchmarks/`, each by its name."""

import subprocess
import sys
from typing import Annotated, Literal

import typer

from pilothouse.settings import CHECKOUT


def bench(name: Annotated[Literal["turn", "stack"], typer.Argument(help="What to measure.")]) -> None:
    """Measure, and print a table.

    [bold]Examples[/]

    bin/pilothouse bench turn   # one chat turn: CPU, latency, turns/s, beside the floor

    bin/pilothouse bench stack  # start-up time, memory, disk
    """
    raise typer.Exit(subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=CHECKOUT, check=False).returncode)
