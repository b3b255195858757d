"""`bench`: the measurements of `benchmarks/`, each by its name."""

import os
import sys
from typing import Annotated, Literal

import typer

from api.cli.test import PASS_THROUGH

OWN_ARGUMENTS = PASS_THROUGH | {"allow_interspersed_args": False}  # `bench turns --help` is the benchmark's help


def bench(
    context: typer.Context,
    name: Annotated[
        Literal["turn", "turns", "proxy", "memory", "long_thread", "stack"], typer.Argument(help="What to measure.")
    ],
) -> None:
    """Measure, and print a table; further arguments are the benchmark's own (NAME --help shows them).

    [bold]Examples[/]

    bin/pilothouse bench turn   # one chat turn: CPU, latency, turns/s, beside the floor

    bin/pilothouse bench turns   # against Aegra and langgraph dev, on a stack of its own: about ten minutes

    bin/pilothouse bench proxy   # our proxy against LiteLLM's, beside a bare pass-through: five to ten minutes

    bin/pilothouse bench memory   # our memory against stock Mem0, speed and what is found: ten minutes and more

    bin/pilothouse bench long_thread   # one thread of 1,000 turns: its beginning, middle and end

    bin/pilothouse bench stack --install  # start-up time, memory, disk; also of a first installation
    """
    # In place of this process, so that Ctrl-C reaches the benchmark alone and it stops what it started.
    os.execv(sys.executable, [sys.executable, "-Pm", f"benchmarks.{name}", *context.args])  # noqa: S606 -- no shell wanted
