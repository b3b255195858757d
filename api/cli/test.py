"""`test`: run the tests; every argument goes on to pytest."""

import os
import sys

import typer

from pilothouse.settings import CHECKOUT

PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}


def test(context: typer.Context) -> None:
    """Run the tests; arguments are pytest's.

    [bold]Examples[/]

    bin/pilothouse test

    bin/pilothouse test tests/unit -k keys
    """
    os.chdir(CHECKOUT)
    # In place of this process, so that Ctrl-C reaches the tests alone and they stop what they started.
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *context.args])  # noqa: S606 -- no shell wanted
